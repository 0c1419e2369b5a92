package main

import "time"

// meter measures the resources of a part of the program, from startMeter to
// stop.
type meter struct {
	began   time.Time
	cpuThen time.Duration

	wall time.Duration
	cpu  time.Duration // of all threads; 0 where the system does not tell
}

func startMeter() *meter { return &meter{began: time.Now(), cpuThen: cpuTime()} }

func (m *meter) stop() { m.wall, m.cpu = time.Since(m.began), cpuTime()-m.cpuThen }
