package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// firstPause is also the least time between two lists: a server whose watches
	// end at once is not asked in a loop.
	firstPause = time.Second
	maxPause   = 4 * time.Second
	// notInstalledPause is how often a kind is looked for that the cluster lacks.
	notInstalledPause = 30 * time.Second
	// listTimeout bounds a list on a connection that is dead and does not know it.
	listTimeout = 10 * time.Second
	// watchObjects is long, as the watches of leases and of the kill switch, which
	// are short, show sooner whether the connection that all of them share is alive.
	watchObjects = 5 * time.Minute
	watchControl = 20 * time.Second
	// watchSlack is how much later than its own end a watch is given up.
	watchSlack = 5 * time.Second
)

// Source is where objects are listed and watched.
type Source struct {
	Name  string // for messages: podchaos in monitor
	List  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	Watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	// Every is how long one watch lasts before the next one is opened. A connection
	// that is dead without having been closed shows after this time, not earlier.
	Every time.Duration
	// Optional is true when the cluster need not have the kind; a missing kind
	// then counts as an empty list.
	Optional bool
}

// Follow lists and then watches until ctx ends, and goes on after every failure.
// It calls seen, always from this goroutine, with all objects that are there now,
// whenever the server has said something; or with the error when it could not be
// asked, which says nothing about the objects. The objects are not to be changed.
func Follow(ctx context.Context, src Source, seen func(objects []metav1.Object, err error)) {
	f := follower{Source: src, seen: seen}
	pause := firstPause
	for {
		err := f.once(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := pause
		switch {
		case err == nil:
			wait, pause = firstPause, firstPause
		case src.Optional && apierrors.IsNotFound(err):
			seen(nil, nil)
			wait, pause = notInstalledPause, firstPause
		default:
			seen(nil, fmt.Errorf("%s: %w", src.Name, err))
			pause = min(2*pause, maxPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

type follower struct {
	Source
	seen    func([]metav1.Object, error)
	objects map[string]metav1.Object
	version string // of the newest that was seen
}

// once lists, and watches until the list has to be read again.
func (f *follower) once(ctx context.Context) error {
	if err := f.list(ctx); err != nil {
		return err
	}
	for {
		opened := time.Now()
		again, err := f.watch(ctx)
		if err != nil || !again || time.Since(opened) < firstPause {
			return err
		}
	}
}

func (f *follower) list(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := f.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	at, err := meta.ListAccessor(list)
	if err != nil {
		return err
	}
	f.objects = map[string]metav1.Object{}
	err = meta.EachListItem(list, func(o runtime.Object) error { return f.keep(watch.Added, o) })
	if err != nil {
		return err
	}
	f.version = at.GetResourceVersion() // later than that of every item
	f.tell()
	return nil
}

// watch returns whether another watch can go on where this one ended.
func (f *follower) watch(ctx context.Context) (again bool, err error) {
	// Only the end of a watch that the server was to end earlier shows that the
	// connection is dead.
	ctx, cancel := context.WithTimeout(ctx, f.Every+watchSlack)
	defer cancel()
	seconds := int64(f.Every.Seconds())
	w, err := f.Watch(ctx, metav1.ListOptions{ResourceVersion: f.version, TimeoutSeconds: &seconds, AllowWatchBookmarks: true})
	if err != nil {
		if expired(err) {
			return false, nil
		}
		return false, err
	}
	defer w.Stop()
	f.tell()
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case e, ok := <-w.ResultChan():
			if !ok {
				return ctx.Err() == nil, nil
			}
			if e.Type == watch.Error {
				if err := apierrors.FromObject(e.Object); !expired(err) {
					return false, err
				}
				return false, nil
			}
			if err := f.keep(e.Type, e.Object); err != nil {
				return false, err
			}
			if e.Type != watch.Bookmark {
				f.tell()
			}
		}
	}
}

// expired is true when the server no longer has the version to watch from.
func expired(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.ReasonForError(err) == metav1.StatusReasonExpired
}

func (f *follower) keep(t watch.EventType, o runtime.Object) error {
	m, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	key := m.GetNamespace() + "/" + m.GetName()
	switch t {
	case watch.Added, watch.Modified:
		f.objects[key] = m
	case watch.Deleted:
		delete(f.objects, key)
	case watch.Bookmark, watch.Error:
	default:
	}
	f.version = m.GetResourceVersion()
	return nil
}

func (f *follower) tell() { f.seen(slices.Collect(maps.Values(f.objects)), nil) }
