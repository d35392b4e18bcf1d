// SPDX-License-Identifier: BSD-2-Clause

// Go's net/http, with the endpoints of the C samples; computing is in burn.go, the ways to the downstream in downstream.go.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const body = "{\"status\":\"ok\"}\n"

var (
	typicalPeers = []string{"db", "cache", "db", "mail", "db"}
	sharedLock   sync.Mutex
)

// ---- the endpoints

type request struct {
	*http.Request
	id, calls, burnedNs int64
	threadID            int // of the last burn
	burns               []string
	sink                uint64
	respond             func(status int, body string)
}

func (r *request) nextCallID() int64 {
	r.calls++
	return r.id*100 + r.calls - 1
}

func (r *request) call(peer string, hold time.Duration) error {
	return downstream.call(peer, r.nextCallID(), hold)
}

func (r *request) number(key string) int64 {
	value, _ := strconv.ParseInt(r.URL.Query().Get(key), 10, 64)
	return value
}

func json(r *request) error {
	r.respond(200, body)
	return nil
}

func typical(r *request) error {
	for _, peer := range typicalPeers {
		if err := r.call(peer, 50*time.Millisecond); err != nil {
			return err
		}
	}
	burn(r, 10*time.Millisecond)
	return json(r)
}

func parallel(r *request) error {
	answers := make(chan error, len(typicalPeers))
	for _, peer := range typicalPeers {
		go func(peer string, id int64) { answers <- downstream.call(peer, id, 50*time.Millisecond) }(peer, r.nextCallID())
	}
	var failed error
	for range typicalPeers {
		if err := <-answers; err != nil {
			failed = err
		}
	}
	if failed != nil {
		return failed
	}
	burn(r, 10*time.Millisecond)
	return json(r)
}

func cpu(r *request) error {
	burn(r, 100*time.Millisecond)
	return json(r)
}

func sleep(r *request) error {
	time.Sleep(30 * time.Millisecond)
	return json(r)
}

func lock(r *request) error {
	sharedLock.Lock()
	time.Sleep(20 * time.Millisecond)
	sharedLock.Unlock()
	return json(r)
}

func callThroughPool(r *request) error {
	if err := limited.call("db", r.nextCallID(), 20*time.Millisecond); err != nil {
		return err
	}
	return json(r)
}

// The work after the response is another goroutine's: net/http sends a small response only when its handler returns.
func fire(r *request) error {
	r.respond(200, body)
	return nil
}

func afterFire(r *request) error {
	burn(r, 5*time.Millisecond)
	return r.call("db", 50*time.Millisecond)
}

func work(r *request) error {
	calls, hold := r.number("calls"), time.Duration(r.number("hold"))*time.Microsecond
	slice := time.Duration(r.number("cpu")) * time.Microsecond / time.Duration(calls+1)
	burn(r, slice)
	for i := int64(0); i < calls; i++ {
		if err := r.call(typicalPeers[i%int64(len(typicalPeers))], hold); err != nil {
			return err
		}
		burn(r, slice)
	}
	return json(r)
}

func slowClient(r *request) error {
	r.respond(200, strings.Repeat(body, (8<<20)/len(body)))
	return nil
}

var endpoints = map[string]func(*request) error{
	"/json": json, "/users/": json, "/typical": typical, "/parallel": parallel, "/cpu": cpu, "/block": cpu, "/sleep": sleep,
	"/lock": lock, "/pool": callThroughPool, "/fire": fire, "/work": work, "/slow-client": slowClient,
}

// ---- the truth

var truth struct {
	sync.Mutex
	open sync.WaitGroup
	rows []string
}

func keepTruth(r *request, startNs, endNs int64) {
	burns := strings.Join(r.burns, ";")
	row := fmt.Sprintf("%d,%s,%d,%d,0,%d,%d,-1,-1,%s", r.id, r.URL.Path, r.threadID, r.burnedNs, startNs, endNs, burns)
	truth.Lock()
	truth.rows = append(truth.rows, row)
	truth.Unlock()
}

func writeTruth(path string) error {
	header := "id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns\n"
	told := make(chan struct{})
	go func() {
		truth.open.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(2 * time.Second): // who has not answered by now is left out
	}
	truth.Lock()
	defer truth.Unlock()
	return os.WriteFile(path, []byte(header+strings.Join(truth.rows, "\n")+"\n"), 0o644)
}

func handle(endpoint func(*request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		startNs := clockNs(clockMonotonic)
		r := &request{Request: q}
		r.id, _ = strconv.ParseInt(q.Header.Get("X-Id"), 10, 64)
		r.respond = func(status int, text string) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			w.Header().Set("X-Id", strconv.FormatInt(r.id, 10))
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
		truth.open.Add(1)
		if err := endpoint(r); err != nil {
			fmt.Fprintf(os.Stderr, "%s: request %d: %v\n", q.URL.Path, r.id, err)
			r.respond(502, "")
		}
		endNs := clockNs(clockMonotonic)
		finish := func() {
			keepTruth(r, startNs, endNs)
			truth.open.Done()
		}
		if q.URL.Path != "/fire" {
			finish()
			return
		}
		go func() {
			if err := afterFire(r); err != nil {
				fmt.Fprintf(os.Stderr, "%s: request %d: %v\n", q.URL.Path, r.id, err)
			}
			finish()
		}()
	}
}

// ---- the server

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_http:", err)
		os.Exit(1)
	}
}

func main() {
	port := flag.Int("port", 0, "listen there on 127.0.0.1 (0: any free port)")
	peers := flag.String("downstream", "", "db=PORT,cache=PORT,mail=PORT")
	way := flag.String("calls", "kept", "new, kept, pool, mux (one connection, answers out of order) or client (net/http's)")
	limit := flag.Int("pool", 2, "downstream connections that /pool shares")
	truthPath := flag.String("truth", "", "FILE: at the end, what each request really did, as CSV")
	flag.Parse()
	fail(openDownstream(*peers, *way, *limit))
	for path, endpoint := range endpoints {
		http.HandleFunc(path, handle(endpoint))
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	fail(err)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() { fail(http.Serve(listener, nil)) }()
	fmt.Printf("READY port=%d pid=%d\n", listener.Addr().(*net.TCPAddr).Port, os.Getpid())
	<-stop
	if *truthPath != "" {
		fail(writeTruth(*truthPath))
	}
}
