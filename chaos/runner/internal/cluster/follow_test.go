package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

func named(name, version string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, ResourceVersion: version}}
}

// script is a server whose answers are given beforehand, one a request.
type script struct {
	lists   []any // *corev1.ConfigMapList or error
	watches []any // *watch.FakeWatcher or error
	from    []string
}

func (s *script) source() Source {
	return Source{
		Name: "things in n", Every: time.Minute,
		List: func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
			return answer[*corev1.ConfigMapList](ctx, &s.lists)
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			s.from = append(s.from, o.ResourceVersion)
			return answer[*watch.FakeWatcher](ctx, &s.watches)
		},
	}
}

func answer[T any](ctx context.Context, answers *[]any) (T, error) {
	var none T
	if len(*answers) == 0 {
		<-ctx.Done()
		return none, ctx.Err()
	}
	next := (*answers)[0]
	*answers = (*answers)[1:]
	if err, ok := next.(error); ok {
		return none, err
	}
	return as[T](next), nil
}

func configMaps(version string, items ...*corev1.ConfigMap) *corev1.ConfigMapList {
	l := &corev1.ConfigMapList{ListMeta: metav1.ListMeta{ResourceVersion: version}}
	for _, i := range items {
		l.Items = append(l.Items, *i)
	}
	return l
}

// follow follows the script for a while, with what happens meanwhile, and returns
// what was seen, in seconds from the start.
func follow(t *testing.T, src Source, lasts time.Duration, meanwhile func()) []string {
	t.Helper()
	var (
		got  []string
		last string
	)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		Follow(ctx, src, func(objects []metav1.Object, err error) {
			var names []string
			for _, o := range objects {
				names = append(names, o.GetName())
			}
			slices.Sort(names)
			what := fmt.Sprint(names)
			if err != nil {
				what = err.Error()
			}
			if what != last || err != nil {
				got, last = append(got, fmt.Sprint(time.Since(began), " ", what)), what
			}
		})
	}()
	meanwhile()
	<-done
	return got
}

func TestFollowShowsEveryChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch.NewFake()
		s := &script{lists: []any{configMaps("9", named("a", "3"), named("b", "2"))}, watches: []any{w}}
		got := follow(t, s.source(), 5*time.Second, func() {
			time.Sleep(time.Second)
			w.Add(named("c", "10"))
			time.Sleep(time.Second)
			w.Delete(named("a", "11"))
		})
		want := []string{"0s [a b]", "1s [a b c]", "2s [b c]"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("seen (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"9"}, s.from); d != "" {
			t.Errorf("watched from (-want +got): the list's version is later than that of every item\n%s", d)
		}
	})
}

func TestFollowGoesOnAfterAWatchEnded(t *testing.T) {
	gone := apierrors.NewResourceExpired("too old")
	status := gone.Status()
	for name, tt := range map[string]struct {
		end  func(*watch.FakeWatcher)
		from []string
		want []string
	}{
		"in order: the next one goes on where it ended": {
			end:  func(w *watch.FakeWatcher) { w.Stop() },
			from: []string{"5", "7"},
			want: []string{"0s [a]", "2s [a b]"},
		},
		"as its version is too old: it lists again": {
			end:  func(w *watch.FakeWatcher) { w.Error(&status) },
			from: []string{"5", "20"},
			want: []string{"0s [a]", "3s [a c]"},
		},
		"in silence: it lists again after the time that a watch lasts": {
			end:  func(*watch.FakeWatcher) {},
			from: []string{"5", "20"},
			want: []string{"0s [a]", "1m6s [a c]"},
		},
		"with an error: it says so and lists again": {
			end: func(w *watch.FakeWatcher) {
				w.Error(&metav1.Status{Status: "Failure", Message: "etcd", Code: 500, Reason: metav1.StatusReasonInternalError})
			},
			from: []string{"5", "20"},
			want: []string{"0s [a]", "2s things in n: etcd", "3s [a c]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, second := watch.NewFake(), watch.NewFake()
				s := &script{
					lists:   []any{configMaps("5", named("a", "3")), configMaps("20", named("a", "3"), named("c", "19"))},
					watches: []any{first, second},
				}
				got := follow(t, s.source(), 90*time.Second, func() {
					time.Sleep(time.Second)
					first.Action(watch.Bookmark, named("", "7"))
					time.Sleep(time.Second)
					tt.end(first)
					if tt.from[1] == "7" {
						second.Add(named("b", "8"))
					}
				})
				if d := cmp.Diff(tt.want, got[:len(tt.want)]); d != "" {
					t.Errorf("seen (-want +got):\n%s", d)
				}
				if d := cmp.Diff(tt.from, s.from[:2]); d != "" {
					t.Errorf("watched from (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestFollowAsksSlowerWhileTheServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("connection refused")
		s := &script{lists: []any{away, away, away, away, configMaps("1")}, watches: []any{watch.NewFake()}}
		got := follow(t, s.source(), 20*time.Second, func() {})
		want := []string{
			"0s things in n: connection refused", "1s things in n: connection refused", "3s things in n: connection refused",
			"7s things in n: connection refused", "11s []",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("seen (-want +got):\n%s", d)
		}
	})
}

func TestAKindThatIsNotInstalledHasNoObjects(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{}, "")
	for _, optional := range []bool{true, false} {
		t.Run(fmt.Sprintf("optional %t", optional), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{lists: []any{missing, configMaps("1", named("a", "1"))}, watches: []any{watch.NewFake()}}
				src := s.source()
				src.Optional = optional
				got := follow(t, src, 40*time.Second, func() {})
				want := []string{"0s []", "30s [a]"}
				if !optional {
					want = []string{"0s things in n:  \"\" not found", "1s [a]"}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("seen (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestFollowDoesNotLoopOnWatchesThatEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		src := Source{
			Name: "x", Every: time.Minute,
			List: func(context.Context, metav1.ListOptions) (runtime.Object, error) { return configMaps("1"), nil },
			Watch: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
				n++
				w := watch.NewFake()
				w.Stop()
				return w, nil
			},
		}
		follow(t, src, 10*time.Second, func() {})
		if n > 11 {
			t.Errorf("%d watches in ten seconds", n)
		}
	})
}
