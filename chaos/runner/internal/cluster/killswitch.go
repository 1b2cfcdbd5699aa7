package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	// KillSwitchName is the ConfigMap in the system namespace whose annotation ends
	// every run in the cluster.
	KillSwitchName = "ballast-kill-switch"
	// KillAnnotation sets the kill switch; its value is the reason that is shown.
	KillAnnotation = "ballast.dev/kill"
)

// KillReason is why the kill switch is set, empty when it is not. Every value sets
// it but the empty one and "false": somebody in a hurry who writes "yes" or "1" or
// a sentence means to stop. A ConfigMap that does not exist is not set.
func KillReason(objects []metav1.Object) string {
	for _, o := range objects {
		if o.GetName() != KillSwitchName {
			continue
		}
		if reason := strings.TrimSpace(o.GetAnnotations()[KillAnnotation]); !strings.EqualFold(reason, "false") {
			return reason
		}
	}
	return ""
}

// KillSwitchSource is where the kill switch is followed. It asks for one name only:
// a role that is limited to that name allows nothing else.
func KillSwitchSource(client kubernetes.Interface, namespace string) Source {
	maps := client.CoreV1().ConfigMaps(namespace)
	selector := fields.OneTermEqualSelector(metav1.ObjectNameField, KillSwitchName).String()
	return Source{
		Name:  "configmap " + KillSwitchName + " in " + namespace,
		Every: watchControl,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = selector
			return maps.List(ctx, o)
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = selector
			return maps.Watch(ctx, o)
		},
	}
}

// CheckKillSwitch reads the kill switch once. The error is [fault.ErrKillSwitch]
// with its reason when it is set, another one when it could not be read: then
// nothing may be started either, as nothing could stop it.
func CheckKillSwitch(ctx context.Context, client kubernetes.Interface, namespace string) error {
	src := KillSwitchSource(client, namespace)
	list, err := src.List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("read the kill switch, %s: %w", src.Name, err)
	}
	var objects []metav1.Object
	if maps, ok := list.(*corev1.ConfigMapList); ok {
		for i := range maps.Items {
			objects = append(objects, &maps.Items[i])
		}
	}
	return killed(objects, namespace)
}

func killed(objects []metav1.Object, namespace string) error {
	reason := KillReason(objects)
	if reason == "" {
		return nil
	}
	return fmt.Errorf("%w: %s; clear it with: kubectl -n %s annotate configmap %s %s-",
		fault.ErrKillSwitch, reason, namespace, KillSwitchName, KillAnnotation)
}

// KillSwitch watches the kill switch until it is stopped.
type KillSwitch struct {
	set  chan error
	stop context.CancelFunc
	done chan struct{}
}

// WatchKillSwitch starts to watch. The goroutine ends with [KillSwitch.Stop], which
// the caller owes. While the API server cannot be reached nothing is reported;
// that the run's Lease is lost is, then.
func WatchKillSwitch(ctx context.Context, client kubernetes.Interface, namespace string) *KillSwitch {
	watching, stop := context.WithCancel(ctx)
	k := &KillSwitch{set: make(chan error, 1), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(k.done)
		Follow(watching, KillSwitchSource(client, namespace), func(objects []metav1.Object, err error) {
			if err != nil {
				return
			}
			if err := killed(objects, namespace); err != nil {
				select {
				case k.set <- err:
				default: // it was reported
				}
			}
		})
	}()
	return k
}

// Set reports, with [fault.ErrKillSwitch] and the reason, that the kill switch is
// set: at once when it is set already.
func (k *KillSwitch) Set() <-chan error { return k.set }

// Stop ends the watch and waits for its goroutine.
func (k *KillSwitch) Stop() {
	k.stop()
	<-k.done
}
