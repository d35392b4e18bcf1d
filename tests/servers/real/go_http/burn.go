// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"flag"
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const (
	clockMonotonic = 1 // as the kernel numbers them
	clockThreadCPU = 3
	maxStepNs      = 100_000 // a step takes a tenth of this, unless the goroutine or its thread was away in the midst of it
)

var locked = flag.Bool("locked", true, "goroutines that compute stay on their thread")

func clockNs(clock uintptr) int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

func step(value uint64) uint64 {
	for i := 0; i < 5000; i++ {
		value = value*6364136223846793005 + 1
	}
	return value
}

// A stretch of computing on one thread, during which no other goroutine had that.
type burned struct {
	thread  int
	startNs int64
	endNs   int64 // of its last step
	usedNs  int64
}

func (r *request) keep(b burned) {
	if b.usedNs > 0 {
		r.burns = append(r.burns, fmt.Sprintf("%d:%d:%d:%d", b.thread, b.startNs, b.endNs, b.usedNs))
	}
	r.burnedNs += b.usedNs
	r.threadID = b.thread
}

// The goroutine goes to any thread in the midst of it, as most do. A step in which it may have done so counts as nothing: whoever else had
// the thread meanwhile is in it.
func burnFreely(r *request, wanted time.Duration) {
	totalNs, value := int64(0), uint64(1)
	at, clock := burned{thread: syscall.Gettid(), startNs: clockNs(clockMonotonic)}, clockNs(clockThreadCPU)
	for totalNs < wanted.Nanoseconds() {
		value = step(value)
		endNs := clockNs(clockMonotonic) // before it is known that nobody else had the thread until then
		thread, next := syscall.Gettid(), clockNs(clockThreadCPU)
		if tookNs := next - clock; thread == at.thread && tookNs > 0 && tookNs < maxStepNs {
			at.usedNs, at.endNs = at.usedNs+tookNs, endNs
			totalNs += tookNs
		} else {
			r.keep(at)
			at = burned{thread: thread, startNs: clockNs(clockMonotonic)}
		}
		clock = next
	}
	r.sink = value
	r.keep(at)
}

// The goroutine stays on its thread for as long as it burns, so that the thread's clock is its own.
func burn(r *request, wanted time.Duration) {
	if wanted <= 0 {
		return
	}
	if !*locked {
		burnFreely(r, wanted)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	at, began, value := burned{thread: syscall.Gettid(), startNs: clockNs(clockMonotonic)}, clockNs(clockThreadCPU), uint64(1)
	for at.usedNs < wanted.Nanoseconds() {
		value = step(value)
		at.usedNs = clockNs(clockThreadCPU) - began
	}
	r.sink = value
	at.endNs = clockNs(clockMonotonic)
	r.keep(at)
}
