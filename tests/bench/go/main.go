// The operations of runtime_bench.c in Go: go run main.go [procs [rounds]].
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"time"
)

var rounds = 7

func pingPong(n int) {
	a, b := make(chan int), make(chan int)
	go func() {
		for v := range a {
			b <- v
		}
	}()
	for i := 0; i < n; i++ {
		a <- i
		<-b
	}
	close(a)
}

func buffered(n int) {
	c := make(chan int, 128)
	go func() {
		for i := 0; i < n; i++ {
			c <- i
		}
		close(c)
	}()
	for range c {
	}
}

func sendRecv(n int) {
	c := make(chan int, 1)
	for i := 0; i < n; i++ {
		c <- i
		<-c
	}
}

func yield(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func spawn(n int) {
	var w sync.WaitGroup
	for i := 0; i < n; i += 1000 {
		w.Add(1000)
		for k := 0; k < 1000; k++ {
			go func() { w.Done() }()
		}
		w.Wait()
	}
}

func selectDefault(n int) {
	c, d := make(chan int), make(chan int)
	for i := 0; i < n; i++ {
		select {
		case <-c:
			panic("received")
		case <-d:
			panic("received")
		default:
		}
	}
}

func select4(n int) {
	var c [4]chan int
	for i := range c {
		c[i] = make(chan int, 1)
	}
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

func mutex(n int) {
	var m sync.Mutex
	for i := 0; i < n; i++ {
		m.Lock()
		m.Unlock()
	}
}

func measure(name string, fn func(int), n int) {
	fn(n / 10)
	ns := make([]float64, rounds)
	for i := range ns {
		start := time.Now()
		fn(n)
		ns[i] = float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	sort.Float64s(ns)
	fmt.Printf("%-16s %8.1f\n", name, ns[rounds/2])
}

func main() {
	if len(os.Args) > 1 {
		n, _ := strconv.Atoi(os.Args[1])
		runtime.GOMAXPROCS(n)
	}
	if len(os.Args) > 2 {
		rounds, _ = strconv.Atoi(os.Args[2])
	}
	measure("yield", yield, 1000000)
	measure("ping-pong", pingPong, 300000)
	measure("buffered-128", buffered, 2000000)
	measure("send+recv", sendRecv, 2000000)
	measure("spawn+exit", spawn, 300000)
	measure("select-4", select4, 500000)
	measure("select-default", selectDefault, 2000000)
	measure("mutex", mutex, 5000000)
}
