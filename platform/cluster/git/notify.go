package git

import (
	"context"
	"time"
)

// notify notifies Argo CD of a push. When Argo CD has compared an application it takes
// back the request to do so, and with it one that came meanwhile: a push right after
// another one would be deployed minutes later. It is notified of once more, when the
// comparison is over.
func (b *Builder) notify(ctx context.Context, p Push) error {
	follows, err := b.send(ctx, p)
	if err != nil || !follows {
		return err
	}
	select {
	case <-time.After(b.Compares):
		_, err = b.send(ctx, p)
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send notifies Argo CD, and says whether that followed another notification while Argo
// CD may have been comparing.
func (b *Builder) send(ctx context.Context, p Push) (follows bool, err error) {
	if err := b.Webhook.Send(ctx, p); err != nil {
		return false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	follows = time.Since(b.notified) < b.Compares
	b.notified = time.Now()
	return follows, nil
}
