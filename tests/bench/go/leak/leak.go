// What Go's goroutineleak profile costs on the shape of leak.c: rows leak-wall and leak-pause.
package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"strconv"
	"time"
)

const (
	noRow  = 3
	blocks = 1000000
)

type block struct {
	left, right *block
	rest        [240]byte
}

var heap *block

func buildHeap(n int) {
	all := make([]*block, n)
	for i := range all {
		all[i] = new(block)
	}
	rand.New(rand.NewSource(1)).Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, b := range all {
		if 2*i+1 < n {
			b.left = all[2*i+1]
		}
		if 2*i+2 < n {
			b.right = all[2*i+2]
		}
	}
	heap = all[0]
}

var live = make(chan int)

func park(n, leaked int) {
	for i := 0; i < n; i++ {
		c := live
		if i < leaked {
			c = make(chan int)
		}
		go func() { <-c }()
	}
	time.Sleep(200 * time.Millisecond)
}

// Seconds that the world stood still, all in all, by the histograms of pauses.
func paused() float64 {
	samples := []metrics.Sample{
		{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/sched/pauses/total/other:seconds"},
	}
	metrics.Read(samples)
	sum := 0.0
	for _, s := range samples {
		h := s.Value.Float64Histogram()
		for i, n := range h.Counts {
			// The lower end of each: Go gets the benefit of the doubt.
			if n > 0 && h.Buckets[i] > 0 {
				sum += float64(n) * h.Buckets[i]
			}
		}
	}
	return sum
}

func main() {
	if len(os.Args) < 3 {
		os.Exit(noRow)
	}
	n, _ := strconv.Atoi(os.Args[2])
	profile := pprof.Lookup("goroutineleak")
	if profile == nil || os.Args[1] != "leak-wall" && os.Args[1] != "leak-pause" {
		os.Exit(noRow)
	}
	debug.SetGCPercent(-1)
	buildHeap(blocks)
	park(n, n/10)
	runtime.GC()
	var out bytes.Buffer
	before, start := paused(), time.Now()
	profile.WriteTo(&out, 1)
	wall := time.Since(start)
	if out.Len() == 0 {
		panic("an empty profile")
	}
	if os.Args[1] == "leak-pause" {
		fmt.Printf("%.4f\n", (paused()-before)*1e3)
	} else {
		fmt.Printf("%.4f\n", float64(wall.Nanoseconds())/1e6)
	}
	runtime.KeepAlive(heap)
}
