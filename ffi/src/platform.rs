//! Clock, randomness, threads and locks for C programs.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::absent::no_op;
use crate::error::{Code, Result};
use crate::guard::{export, object, out, text};
use crate::timer;
use crate::types::{nng_duration, nng_time};

no_op! {
    "the library starts the threads that it needs";
    fn nng_init_set_parameter(parameter: c_int, value: u64);
}

export! {
    /// The version of the library.
    fn spanwire_version() -> *const c_char {
        concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
    }

    /// Milliseconds of a clock that only goes forward.
    fn nng_clock() -> nng_time {
        timer::clock()
    }

    /// Sleeps. A negative time is none.
    fn nng_msleep(time: nng_duration) {
        std::thread::sleep(Duration::from_millis(u64::try_from(time).unwrap_or(0)));
    }

    /// 32 bits from the system's secure source.
    fn nng_random() -> u32 {
        let mut bytes = [0; 4];
        match random(&mut bytes) {
            Ok(()) => u32::from_ne_bytes(bytes),
            // C could not tell a number that is not random from one that is.
            Err(_) => std::process::abort(),
        }
    }

    /// Two connected byte streams of the system.
    fn nng_socket_pair(fds: *mut [c_int; 2]) -> status {
        // SAFETY: the caller's promise that the pointer is null or has room for two numbers.
        unsafe { out(fds) }?.write(pair()?);
        Ok(())
    }
}

/// Fills a buffer from the system's secure source.
pub(crate) fn random(buf: &mut [u8]) -> Result<()> {
    getrandom::fill(buf).map_err(|_| Code::EINTERNAL)
}

#[cfg(unix)]
fn pair() -> Result<[c_int; 2]> {
    use std::os::fd::IntoRawFd;
    let (a, b) = std::os::unix::net::UnixStream::pair()?;
    Ok([a.into_raw_fd(), b.into_raw_fd()])
}

#[cfg(not(unix))]
fn pair() -> Result<[c_int; 2]> {
    Err(Code::ENOTSUP)
}

/// A function of the application that a thread runs.
type Main = unsafe extern "C" fn(*mut c_void);

/// A thread, behind a pointer.
#[derive(Debug)]
pub struct nng_thread(JoinHandle<()>);

/// What the application's function gets. The application says that it may be passed between threads, by passing it.
struct Argument(*mut c_void);

// SAFETY: only passed on.
unsafe impl Send for Argument {}

export! {
    /// Starts a thread.
    fn nng_thread_create(thread: *mut *mut nng_thread, main: Option<Main>, arg: *mut c_void) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        let thread = unsafe { out(thread) }?;
        let main = main.ok_or(Code::EINVAL)?;
        let arg = Argument(arg);
        let run = move || {
            let arg = arg;
            // SAFETY: the application's function, with the argument that it wants.
            unsafe { main(arg.0) }
        };
        let handle = std::thread::Builder::new().spawn(run).map_err(|_| Code::ENOMEM)?;
        thread.write(Box::into_raw(Box::new(nng_thread(handle))));
        Ok(())
    }

    /// Names a thread, or with null this one. Where the system has short names it is cut.
    fn nng_thread_set_name(thread: *mut nng_thread, name: *const c_char) {
        // SAFETY: the caller's promise that the pointers are null, or a thread and a text.
        let (thread, name) = unsafe { (thread.as_ref(), text(name)) };
        if let Ok(name) = name {
            set_name(thread, name);
        }
    }

    /// Waits until a thread has ended, and frees what there is of it. Null is allowed.
    fn nng_thread_destroy(thread: *mut nng_thread) {
        if thread.is_null() {
            return;
        }
        // SAFETY: the caller's promise that it comes from `nng_thread_create` and is not used again.
        let thread = unsafe { Box::from_raw(thread) }.0;
        // A thread can't wait for itself.
        if Thread::id(thread.thread()) != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn set_name(thread: Option<&nng_thread>, name: &CStr) {
    use std::os::unix::thread::JoinHandleExt;
    // Linux refuses more than 15 bytes and the zero.
    let mut short = [0; 16];
    let len = name.to_bytes().len().min(15);
    short[..len].copy_from_slice(&name.to_bytes()[..len]);
    // SAFETY: always allowed.
    let this = || unsafe { libc::pthread_self() };
    let id = thread.map_or_else(this, |thread| thread.0.as_pthread_t());
    // SAFETY: a thread that has not been joined, as its handle exists, and a text that ends with a zero.
    unsafe { libc::pthread_setname_np(id, short.as_ptr().cast()) };
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn set_name(_thread: Option<&nng_thread>, _name: &CStr) {}

/// A mutex, behind a pointer: the `Arc` of it that [`nng_mtx_alloc`] made.
#[derive(Debug, Default)]
pub struct nng_mtx {
    locked: Mutex<bool>,
    unlocked: Condvar,
}

/// A condition of a mutex, behind a pointer.
#[derive(Debug)]
pub struct nng_cv {
    mtx: Arc<nng_mtx>,
    woken: Condvar,
}

impl nng_mtx {
    fn inner(&self) -> MutexGuard<'_, bool> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) {
        self.relock(self.inner());
    }

    fn relock(&self, mut locked: MutexGuard<'_, bool>) {
        while *locked {
            locked = self.unlocked.wait(locked).unwrap_or_else(PoisonError::into_inner);
        }
        *locked = true;
    }

    fn unlock(&self) {
        drop(self.release());
    }

    /// Unlocks. While the answer is held, nobody can lock, so nobody can wake a condition.
    fn release(&self) -> MutexGuard<'_, bool> {
        let mut locked = self.inner();
        *locked = false;
        self.unlocked.notify_one();
        locked
    }
}

impl nng_cv {
    fn wait(&self) {
        let locked = self.woken.wait(self.mtx.release()).unwrap_or_else(PoisonError::into_inner);
        self.mtx.relock(locked);
    }

    /// Whether it was woken in time.
    fn wait_until(&self, at: Instant) -> bool {
        let left = at.saturating_duration_since(Instant::now());
        let (locked, over) = self.woken.wait_timeout(self.mtx.release(), left).unwrap_or_else(PoisonError::into_inner);
        self.mtx.relock(locked);
        !over.timed_out()
    }
}

export! {
    /// Makes a mutex. Its owner must not lock it again.
    fn nng_mtx_alloc(mtx: *mut *mut nng_mtx) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        unsafe { out(mtx) }?.write(Arc::into_raw(Arc::<nng_mtx>::default()).cast_mut());
        Ok(())
    }

    /// Frees a mutex. Null is allowed.
    fn nng_mtx_free(mtx: *mut nng_mtx) {
        if !mtx.is_null() {
            // SAFETY: the caller's promise that it comes from `nng_mtx_alloc` and is not used again.
            drop(unsafe { Arc::from_raw(mtx) });
        }
    }

    /// Waits until nobody holds a mutex, and holds it.
    fn nng_mtx_lock(mtx: *mut nng_mtx) {
        // SAFETY: the caller's promise that the pointer is null or a mutex.
        if let Ok(mtx) = unsafe { object(mtx) } {
            mtx.lock();
        }
    }

    /// Lets a mutex go.
    fn nng_mtx_unlock(mtx: *mut nng_mtx) {
        // SAFETY: the caller's promise that the pointer is null or a mutex.
        if let Ok(mtx) = unsafe { object(mtx) } {
            mtx.unlock();
        }
    }

    /// Makes a condition of a mutex.
    fn nng_cv_alloc(cv: *mut *mut nng_cv, mtx: *mut nng_mtx) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        let cv = unsafe { out(cv) }?;
        if mtx.is_null() {
            return Err(Code::EINVAL);
        }
        // SAFETY: the caller's promise that it comes from `nng_mtx_alloc`, whose reference stays with the caller.
        let mtx = unsafe {
            Arc::increment_strong_count(mtx);
            Arc::from_raw(mtx)
        };
        cv.write(Box::into_raw(Box::new(nng_cv { mtx, woken: Condvar::new() })));
        Ok(())
    }

    /// Frees a condition. Null is allowed.
    fn nng_cv_free(cv: *mut nng_cv) {
        if !cv.is_null() {
            // SAFETY: the caller's promise that it comes from `nng_cv_alloc` and is not used again.
            drop(unsafe { Box::from_raw(cv) });
        }
    }

    /// Lets the mutex go, waits until somebody wakes the condition, and holds the mutex again.
    fn nng_cv_wait(cv: *mut nng_cv) {
        // SAFETY: the caller's promise that the pointer is null or a condition.
        if let Ok(cv) = unsafe { object(cv) } {
            cv.wait();
        }
    }

    /// The same, but no longer than until then, by [`nng_clock`]. `ETIMEDOUT` if nobody woke it. With 0 it does not wait: `EAGAIN`.
    fn nng_cv_until(cv: *mut nng_cv, at: nng_time) -> status {
        // SAFETY: the caller's promise that the pointer is null or a condition.
        let cv = unsafe { object(cv) }?;
        if at == 0 {
            return Err(Code::EAGAIN);
        }
        match timer::instant(at) {
            Some(at) if !cv.wait_until(at) => return Err(Code::ETIMEDOUT),
            Some(_) => {}
            None => cv.wait(),
        }
        Ok(())
    }

    /// Wakes all who wait.
    fn nng_cv_wake(cv: *mut nng_cv) {
        // SAFETY: the caller's promise that the pointer is null or a condition.
        if let Ok(cv) = unsafe { object(cv) } {
            cv.woken.notify_all();
        }
    }

    /// Wakes one who waits.
    fn nng_cv_wake1(cv: *mut nng_cv) {
        // SAFETY: the caller's promise that the pointer is null or a condition.
        if let Ok(cv) = unsafe { object(cv) } {
            cv.woken.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shared {
        mtx: *mut nng_mtx,
        cv: *mut nng_cv,
        turns: usize,
    }

    const TURNS: usize = 1000;

    /// Two threads of this take turns.
    unsafe extern "C" fn take_turns(shared: *mut c_void) {
        let shared = shared.cast::<Shared>();
        // SAFETY: it lives until the threads have ended, and `turns` is used under the mutex.
        unsafe {
            nng_mtx_lock((*shared).mtx);
            let parity = (*shared).turns % 2;
            (*shared).turns += 1;
            nng_cv_wake1((*shared).cv);
            while (*shared).turns < TURNS {
                if (*shared).turns % 2 == parity {
                    (*shared).turns += 1;
                    nng_cv_wake((*shared).cv);
                } else {
                    nng_cv_wait((*shared).cv);
                }
            }
            nng_mtx_unlock((*shared).mtx);
        }
    }

    #[test]
    fn threads_take_turns() {
        let mut shared = Shared { mtx: std::ptr::null_mut(), cv: std::ptr::null_mut(), turns: 0 };
        let mut threads = [std::ptr::null_mut(); 2];
        // SAFETY: valid pointers; all is freed once, after the threads have ended.
        unsafe {
            assert_eq!(nng_mtx_alloc(&mut shared.mtx), 0);
            assert_eq!(nng_cv_alloc(&mut shared.cv, shared.mtx), 0);
            for thread in &mut threads {
                assert_eq!(nng_thread_create(thread, Some(take_turns), (&raw mut shared).cast()), 0);
                nng_thread_set_name(*thread, c"a name that is far too long".as_ptr());
            }
            for thread in threads {
                nng_thread_destroy(thread);
            }
            assert_eq!(shared.turns, TURNS);
            nng_cv_free(shared.cv);
            nng_mtx_free(shared.mtx);
        }
    }

    #[test]
    fn a_wait_ends_when_its_time_is_over() {
        let (mut mtx, mut cv) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: valid pointers, and each is freed once.
        unsafe {
            assert_eq!(nng_mtx_alloc(&mut mtx), 0);
            assert_eq!(nng_cv_alloc(&mut cv, mtx), 0);
            nng_mtx_lock(mtx);
            let start = nng_clock();
            // Nobody wakes it; a spurious wake-up would only end the wait early.
            while nng_cv_until(cv, start + 20) == 0 {}
            assert!(nng_clock() >= start + 20);
            assert_eq!(nng_cv_until(cv, 0), Code::EAGAIN.get());
            nng_mtx_unlock(mtx);
            // The condition keeps what it needs of the mutex.
            nng_mtx_free(mtx);
            nng_cv_free(cv);
            assert_eq!(nng_cv_alloc(&mut cv, std::ptr::null_mut()), Code::EINVAL.get());
        }
    }

    #[test]
    fn random_numbers_differ() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..8 {
            // SAFETY: takes no pointer.
            seen.insert(unsafe { nng_random() });
        }
        assert!(seen.len() > 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_pair_is_connected() {
        use std::io::{Read, Write};
        use std::os::fd::FromRawFd;
        let mut fds = [0; 2];
        // SAFETY: room for two numbers.
        assert_eq!(unsafe { nng_socket_pair(&mut fds) }, 0);
        // SAFETY: descriptors that have just been made, and that nobody else has.
        let [mut a, mut b] = fds.map(|fd| unsafe { std::os::unix::net::UnixStream::from_raw_fd(fd) });
        a.write_all(b"hello").unwrap();
        drop(a);
        let mut got = String::new();
        b.read_to_string(&mut got).unwrap();
        assert_eq!(got, "hello");
    }
}
