// SPDX-License-Identifier: BSD-2-Clause

//! What requests burn, and the log of it.

use std::sync::Mutex;

const HEADER: &str = "id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns";
const STEPS_PER_LOOK: u32 = 5000;

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn now_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

fn thread_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// One request's share of the truth.
pub struct Work {
    pub id: u64,
    path: String,
    start_ns: u64,
    burned_ns: u64,
    calls: u64,
    thread_id: i64,
    burns: Vec<String>,
}

impl Work {
    pub fn new(id: u64, path: &str) -> Work {
        Work { id, path: path.to_string(), start_ns: now_ns(), burned_ns: 0, calls: 0, thread_id: 0, burns: Vec::new() }
    }

    pub fn next_call_id(&mut self) -> u64 {
        self.calls += 1;
        self.id * 100 + self.calls - 1
    }

    /// Never awaits: the task stays on its thread.
    pub fn burn(&mut self, wanted_ns: u64) {
        if wanted_ns == 0 {
            return;
        }
        let (start_ns, began_ns) = (now_ns(), thread_cpu_ns());
        let (mut used_ns, mut value) = (0, 1u64);
        while used_ns < wanted_ns {
            for _ in 0..STEPS_PER_LOOK {
                value = std::hint::black_box(value.wrapping_mul(6364136223846793005).wrapping_add(1));
            }
            used_ns = thread_cpu_ns() - began_ns;
        }
        self.thread_id = unsafe { libc::syscall(libc::SYS_gettid) };
        self.burned_ns += used_ns;
        self.burns.push(format!("{}:{start_ns}:{}:{used_ns}", self.thread_id, now_ns()));
    }
}

#[derive(Default)]
pub struct Truth(Mutex<Vec<String>>);

impl Truth {
    pub fn add(&self, work: &Work) {
        let Work { id, path, thread_id, burned_ns, start_ns, .. } = work;
        let row = format!("{id},{path},{thread_id},{burned_ns},0,{start_ns},{},-1,-1,{}", now_ns(), work.burns.join(";"));
        self.0.lock().expect("truth").push(row);
    }

    pub fn write(&self, path: &str) -> std::io::Result<()> {
        std::fs::write(path, format!("{HEADER}\n{}\n", self.0.lock().expect("truth").join("\n")))
    }
}
