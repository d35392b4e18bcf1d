// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A way to call the mock downstream; the goroutine waits for the answer.
type caller interface {
	call(peer string, id int64, hold time.Duration) error
}

var (
	downstream caller
	limited    *pool
)

type connection struct {
	net.Conn
	lines *bufio.Reader
}

func connect(port int) (*connection, error) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReader(c)}, nil
}

func (c *connection) ask(id int64, hold time.Duration) error {
	_, err := fmt.Fprintf(c, "Q %d %d\n", id, hold.Microseconds())
	if err == nil {
		_, err = c.lines.ReadString('\n')
	}
	return err
}

// A connection per call.
type newConnections struct{ ports map[string]int }

func (n newConnections) call(peer string, id int64, hold time.Duration) error {
	c, err := connect(n.ports[peer])
	if err != nil {
		return err
	}
	defer c.Close()
	return c.ask(id, hold)
}

// Connections to one peer: idle ones, and tokens for those that may be used at once (nil: any number).
type pool struct {
	port   int
	mutex  sync.Mutex
	idle   []*connection
	tokens chan struct{}
}

func newPool(port, limit int) *pool {
	p := &pool{port: port}
	if limit > 0 {
		p.tokens = make(chan struct{}, limit)
	}
	return p
}

func (p *pool) take() (*connection, error) {
	p.mutex.Lock()
	if count := len(p.idle); count > 0 {
		c := p.idle[count-1]
		p.idle = p.idle[:count-1]
		p.mutex.Unlock()
		return c, nil
	}
	p.mutex.Unlock()
	return connect(p.port)
}

func (p *pool) call(_ string, id int64, hold time.Duration) error {
	if p.tokens != nil {
		p.tokens <- struct{}{}
		defer func() { <-p.tokens }()
	}
	c, err := p.take()
	if err != nil {
		return err
	}
	if err = c.ask(id, hold); err != nil {
		c.Close()
		return err
	}
	p.mutex.Lock()
	p.idle = append(p.idle, c)
	p.mutex.Unlock()
	return nil
}

// As many as are needed at once; none is ever shared by two calls in flight.
type keptConnections map[string]*pool

func (k keptConnections) call(peer string, id int64, hold time.Duration) error {
	return k[peer].call(peer, id, hold)
}

// One connection for all; a goroutine reads the answers, "R <id> ok", in any order, and wakes those who wait.
type multiplexed struct {
	mutex   sync.Mutex
	c       *connection
	waiting map[int64]chan struct{}
}

func openMultiplexed(port int) (*multiplexed, error) {
	c, err := connect(port)
	if err != nil {
		return nil, err
	}
	m := &multiplexed{c: c, waiting: map[int64]chan struct{}{}}
	go m.handOut()
	return m, nil
}

func (m *multiplexed) handOut() {
	for {
		line, err := m.c.lines.ReadString('\n')
		if err != nil {
			return
		}
		id, _ := strconv.ParseInt(strings.Fields(line)[1], 10, 64)
		m.mutex.Lock()
		answered := m.waiting[id]
		delete(m.waiting, id)
		m.mutex.Unlock()
		close(answered)
	}
}

func (m *multiplexed) call(_ string, id int64, hold time.Duration) error {
	answered := make(chan struct{})
	m.mutex.Lock()
	m.waiting[id] = answered
	_, err := fmt.Fprintf(m.c, "Q %d %d\n", id, hold.Microseconds())
	m.mutex.Unlock()
	if err == nil {
		<-answered
	}
	return err
}

// net/http's client, with the connections that it keeps.
type httpClient struct {
	ports  map[string]int
	client http.Client
}

func (h *httpClient) call(peer string, id int64, hold time.Duration) error {
	answer, err := h.client.Get(fmt.Sprintf("http://127.0.0.1:%d/%d/%d", h.ports[peer], id, hold.Microseconds()))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func parsePorts(text string) (map[string]int, error) {
	ports := map[string]int{}
	for _, pair := range strings.Split(text, ",") {
		if name, port, found := strings.Cut(pair, "="); found {
			number, err := strconv.Atoi(port)
			if err != nil {
				return nil, err
			}
			ports[name] = number
		}
	}
	for _, peer := range typicalPeers {
		if ports[peer] == 0 {
			ports[peer] = ports["db"]
		}
	}
	return ports, nil
}

func openDownstream(peers, way string, limit int) error {
	ports, err := parsePorts(peers)
	if err != nil {
		return err
	}
	limited = newPool(ports["db"], limit)
	switch way {
	case "new":
		downstream = newConnections{ports}
	case "kept":
		kept := keptConnections{}
		for peer, port := range ports {
			kept[peer] = newPool(port, 0)
		}
		downstream = kept
	case "pool":
		downstream = limited
	case "mux":
		downstream, err = openMultiplexed(ports["db"])
	case "client":
		transport := &http.Transport{MaxIdleConnsPerHost: 1024}
		downstream = &httpClient{ports: ports, client: http.Client{Transport: transport}}
	default:
		err = fmt.Errorf("-calls %s", way)
	}
	return err
}
