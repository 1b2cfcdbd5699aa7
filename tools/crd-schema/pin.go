//go:build pin

package main

// The API's module is read as source, not linked; this keeps it among the requirements.
import _ "github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
