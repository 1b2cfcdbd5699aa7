// Command program stands for one of an image: it has a module in it, and does nothing.
package main

import "github.com/spf13/pflag"

func main() { pflag.Parse() }
