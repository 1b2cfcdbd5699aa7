// The program that holds memory for Chaos Mesh's memory stressors.
module github.com/ballast-sre/ballast/platform/cluster/components/memstress

go 1.26

require github.com/dustin/go-humanize v1.0.1
