// What the programs of this folder have in common: they print what each call comes to, so that two libraries can be compared.
#include <nng/nng.h>
#include <nng/protocol/bus0/bus.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOW(call) (printf("%s: %s\n", #call, nng_strerror(call)), fflush(stdout))
#define NUMBER(value) (printf("%s = %lld\n", #value, (long long) (value)), fflush(stdout))
#define TEXT(value) (printf("%s = \"%s\"\n", #value, value), fflush(stdout))
// For what must work before anything can be shown.
#define MUST(call) \
	do { \
		int rv_ = (call); \
		if (rv_ != 0) { \
			printf("%s: %s\n", #call, nng_strerror(rv_)); \
			exit(1); \
		} \
	} while (0)

// The memory of an operation, in one piece.
static inline void
iov(nng_aio *aio, void *data, size_t size)
{
	nng_iov v;
	v.iov_buf = data;
	v.iov_len = size;
	MUST(nng_aio_set_iov(aio, 1, &v));
}

// What an operation came to.
static inline int
ended(nng_aio *aio)
{
	nng_aio_wait(aio);
	return (nng_aio_result(aio));
}

// Something that a callback tells and the program waits for.
typedef struct {
	nng_mtx *mtx;
	nng_cv  *cv;
	int      count;
} flag;

static inline void
flag_init(flag *f)
{
	MUST(nng_mtx_alloc(&f->mtx));
	MUST(nng_cv_alloc(&f->cv, f->mtx));
	f->count = 0;
}

static inline void
flag_set(flag *f)
{
	nng_mtx_lock(f->mtx);
	f->count++;
	nng_cv_wake(f->cv);
	nng_mtx_unlock(f->mtx);
}

static inline void
flag_wait(flag *f, int count)
{
	nng_mtx_lock(f->mtx);
	while (f->count < count) {
		nng_cv_wait(f->cv);
	}
	nng_mtx_unlock(f->mtx);
}

static inline void
flag_fini(flag *f)
{
	nng_cv_free(f->cv);
	nng_mtx_free(f->mtx);
}
