// The rows of the benchmark in Go: the functions of ../gdetect.c, in its order.
package main

import (
	"runtime"
	"sync"
	"time"
)

func yieldSome(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func ping(n int, done *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
	done.Done()
}

func pong(n int, done *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
	done.Done()
}

// Two goroutines that give way to each other, with a function each.
func yield(n int) {
	var done sync.WaitGroup
	done.Add(2)
	go ping(n/2, &done)
	go pong(n/2, &done)
	done.Wait()
}

func echo(in, out chan int) {
	for v := range in {
		out <- v
	}
}

// There and back: an operation is two messages.
func pingPong(n int) {
	in, out := make(chan int), make(chan int)
	go echo(in, out)
	for i := 0; i < n; i++ {
		in <- i
		<-out
	}
	close(in)
}

func produce(c chan int, n int) {
	for i := 0; i < n; i++ {
		c <- i
	}
	close(c)
}

func buffered(n int) {
	c := make(chan int, 128)
	go produce(c, n)
	for range c {
	}
}

func done(w *sync.WaitGroup) {
	w.Done()
}

func spawn(n int) {
	var w sync.WaitGroup
	for i := 0; i < n; i += batch {
		w.Add(batch)
		for k := 0; k < batch; k++ {
			go done(&w)
		}
		w.Wait()
	}
}

func make4(capacity int) (c [4]chan int) {
	for i := range c {
		c[i] = make(chan int, capacity)
	}
	return
}

func feed(c *[4]chan int, n int) {
	for i := 0; i < n; i++ {
		c[i%4] <- i
	}
}

// Each select waits on all four; another goroutine sends to one of them.
func select4(n int) {
	c := make4(0)
	go feed(&c, n)
	for i := 0; i < n; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
}

// One of the four is ready. The operation includes the send that makes it so.
func selectReady(n int) {
	c := make4(1)
	for i := 0; i < n; i++ {
		c[i%4] <- i
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
}

func selectDefault(n int) {
	c := make4(0)
	for i := 0; i < n; i++ {
		select {
		case <-c[0]:
			panic("received")
		case <-c[1]:
			panic("received")
		case <-c[2]:
			panic("received")
		case <-c[3]:
			panic("received")
		default:
		}
	}
}

func lockSome(m *sync.Mutex, n int) {
	for i := 0; i < n; i++ {
		m.Lock()
		m.Unlock()
	}
}

func mutex(n int) {
	var m sync.Mutex
	lockSome(&m, n)
}

func locker(m *sync.Mutex, n int, done *sync.WaitGroup) {
	lockSome(m, n)
	done.Done()
}

func mutex8(n int) {
	var m sync.Mutex
	var done sync.WaitGroup
	done.Add(8)
	for i := 0; i < 8; i++ {
		go locker(&m, n/8, &done)
	}
	done.Wait()
}

func never() {
	panic("fired")
}

func timer(n int) {
	for i := 0; i < n; i++ {
		t := time.AfterFunc(time.Hour, never)
		if !t.Stop() {
			panic("fired")
		}
	}
}

func sleep1ns(n int) {
	for i := 0; i < n; i++ {
		time.Sleep(1)
	}
}

// Ten children each, a million leaves; each gives the sum below it to its parent.
func skynet(out chan int, first, size int) {
	if size == 1 {
		out <- first
		return
	}
	c := make(chan int)
	for i := 0; i < 10; i++ {
		go skynet(c, first+i*(size/10), size/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-c
	}
	out <- sum
}

func skynetOnce(leaves int) {
	c := make(chan int)
	go skynet(c, 0, leaves)
	if <-c != leaves*(leaves-1)/2 {
		panic("wrong sum")
	}
}

// ms, in a process that has made no goroutine before.
func skynetCold(leaves int) float64 {
	return tookNs(skynetOnce, leaves) / 1e6
}

func skynetWarm(leaves int) float64 {
	skynetOnce(leaves)
	return skynetCold(leaves)
}

func parker(started *sync.WaitGroup, c chan struct{}) {
	started.Done()
	<-c
}

// Bytes per goroutine that waits on a channel.
func parked(n int) float64 {
	c := make(chan struct{})
	var started sync.WaitGroup
	before := memory()
	started.Add(n)
	for i := 0; i < n; i++ {
		go parker(&started, c)
	}
	started.Wait()
	yieldSome(100) // the last ones come to wait
	return (memory() - before) / float64(n)
}

var rows = map[string]bench{
	"yield":          {run: yield},
	"ping-pong":      {run: pingPong},
	"buffered":       {run: buffered},
	"spawn":          {run: spawn},
	"select-4":       {run: select4},
	"select-ready":   {run: selectReady},
	"select-default": {run: selectDefault},
	"mutex":          {run: mutex},
	"mutex-8":        {run: mutex8},
	"timer":          {run: timer},
	"sleep":          {run: sleep1ns},
	"skynet":         {value: skynetCold},
	"skynet-warm":    {value: skynetWarm},
	"parked":         {value: parked},
}
