// Tells ThreadSanitizer of the synchronisation inside the standard library, which is not built with it.
//
// The uncontended half of std's locks is inlined into instrumented code; the contended half is a function in libstd whose
// atomics the sanitizer does not see, so that it takes every contended lock for none. The linker sends each call of
// such a function to a wrapper here (`--wrap`), which says what the function has done. `xtask tsan` defines the symbols' names.

void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

#define REAL(name, symbol) long name(void *, void *, long, long, long, long) __asm__("__real_" symbol)
#define WRAP(name, symbol) \
    long name(void *, void *, long, long, long, long) __asm__("__wrap_" symbol); \
    long name(void *self, void *a, long b, long c, long d, long e)

// Mutex and RwLock: what the last unlock released is acquired.
#define LOCK(name, symbol) \
    REAL(real_##name, symbol); \
    WRAP(wrap_##name, symbol) { \
        long result = real_##name(self, a, b, c, d, e); \
        __tsan_acquire(self); \
        return result; \
    }

// Condvar: the mutex, its second argument, is unlocked and locked again.
#define WAIT(name, symbol) \
    REAL(real_##name, symbol); \
    WRAP(wrap_##name, symbol) { \
        __tsan_release(a); \
        long result = real_##name(self, a, b, c, d, e); \
        __tsan_acquire(a); \
        return result; \
    }

// Once: what the initialisation did is there for all who come later, and for those who waited for it.
#define ONCE(name, symbol) \
    REAL(real_##name, symbol); \
    WRAP(wrap_##name, symbol) { \
        long result = real_##name(self, a, b, c, d, e); \
        __tsan_release(self); \
        __tsan_acquire(self); \
        return result; \
    }

LOCK(mutex_lock, MUTEX_LOCK)
LOCK(rwlock_read, RWLOCK_READ)
LOCK(rwlock_write, RWLOCK_WRITE)
WAIT(condvar_wait, CONDVAR_WAIT)
WAIT(condvar_wait_timeout, CONDVAR_WAIT_TIMEOUT)
ONCE(once_call, ONCE_CALL)
