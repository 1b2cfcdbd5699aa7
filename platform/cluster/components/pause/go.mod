// The program that holds a pod's namespaces.
module github.com/ballast-sre/ballast/platform/cluster/components/pause

go 1.26
