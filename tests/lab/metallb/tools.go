//go:build tools

// Package tools pins MetalLB, in a module of its own: it is built with the libraries that it was
// released with, whatever the cluster's programs are built with.
package tools

import (
	_ "go.universe.tf/metallb/controller"
	_ "go.universe.tf/metallb/speaker"
)
