package cluster

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// tracked is one created object, kept up to date by a watch.
type tracked struct {
	first    *unstructured.Unstructured // as it was created
	informer cache.SharedIndexInformer
	cancel   context.CancelFunc
	ended    sync.WaitGroup
}

// track watches an object until stop, or until the cluster is closed.
func (c *Cluster) track(u *unstructured.Unstructured) *tracked {
	ctx, cancel := context.WithCancel(c.ctx)
	one := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, u.GetName()).String()
	}
	t := &tracked{
		first: u, cancel: cancel,
		informer: dynamicinformer.NewFilteredDynamicInformer(c.Dynamic, kindOf(u.GetKind()).Resource, u.GetNamespace(), 0, cache.Indexers{}, one).Informer(),
	}
	t.ended.Go(func() { t.informer.RunWithContext(ctx) })
	return t
}

// stop ends the watch and waits for it.
func (t *tracked) stop() {
	t.cancel()
	t.ended.Wait()
}

// now is the object as it was last seen; gone says that it was there and is not any more.
func (t *tracked) now() (u *unstructured.Unstructured, gone bool) {
	if !t.informer.HasSynced() {
		return t.first, false
	}
	found, ok, err := t.informer.GetStore().GetByKey(t.first.GetNamespace() + "/" + t.first.GetName())
	if err != nil || !ok {
		return nil, true
	}
	u, ok = found.(*unstructured.Unstructured)
	return u, !ok || u.GetUID() != t.first.GetUID()
}
