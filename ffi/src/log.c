/*
 * What the functions of the logging interface with any number of arguments need: Rust can't define those. It exports functions that
 * jump to spanwire_log_err() and its like; see log.rs. Nothing here is visible outside of the library.
 */
#include <stdarg.h>
#include <stdio.h>

#include <nng/nng.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* Room for a text and its final zero. */
enum { ROOM = 512 };

static int level = NNG_LOG_NOTICE;
static int facility = NNG_LOG_USER;
static nng_logger logger = NULL;

HIDDEN void spanwire_log_set_level(int to)
{
    __atomic_store_n(&level, to, __ATOMIC_RELAXED);
}

HIDDEN int spanwire_log_get_level(void)
{
    return __atomic_load_n(&level, __ATOMIC_RELAXED);
}

HIDDEN void spanwire_log_set_facility(int to)
{
    __atomic_store_n(&facility, to, __ATOMIC_RELAXED);
}

/* NULL logs nothing. */
HIDDEN void spanwire_log_set_logger(nng_logger to)
{
    __atomic_store_n(&logger, to, __ATOMIC_RELEASE);
}

/* The logger, if a text of this level is wanted. */
HIDDEN nng_logger spanwire_log_wanted(int at)
{
    /* Levels above the one that was set are less severe; one of 0 (none) wants nothing. */
    int limit = spanwire_log_get_level();
    return at > limit || limit == NNG_LOG_NONE ? NULL : __atomic_load_n(&logger, __ATOMIC_ACQUIRE);
}

static void emit(nng_logger to, int at, int of, const char *msgid, const char *msg)
{
    to((nng_log_level) at, (nng_log_facility) of, msgid, msg);
}

/* A text that is complete, of the facility that was set. */
HIDDEN void spanwire_log_text(int at, const char *msgid, const char *msg)
{
    nng_logger to = spanwire_log_wanted(at);
    int of = __atomic_load_n(&facility, __ATOMIC_RELAXED);
    if (to != NULL && of != 0) {
        emit(to, at, of, msgid, msg);
    }
}

static void format(int at, int of, const char *msgid, const char *msg, va_list args)
{
    char text[ROOM];
    nng_logger to = spanwire_log_wanted(at);
    if (to != NULL && of != 0 && msg != NULL && vsnprintf(text, sizeof text, msg, args) >= 0) {
        emit(to, at, of, msgid, text);
    }
}

#define DEFINE(name, at)                                                                                                                   \
    HIDDEN void spanwire_log_##name(const char *msgid, const char *msg, ...)                                                               \
    {                                                                                                                                      \
        va_list args;                                                                                                                      \
        va_start(args, msg);                                                                                                               \
        format(at, __atomic_load_n(&facility, __ATOMIC_RELAXED), msgid, msg, args);                                                        \
        va_end(args);                                                                                                                      \
    }

DEFINE(err, NNG_LOG_ERR)
DEFINE(warn, NNG_LOG_WARN)
DEFINE(notice, NNG_LOG_NOTICE)
DEFINE(info, NNG_LOG_INFO)
DEFINE(debug, NNG_LOG_DEBUG)

HIDDEN void spanwire_log_auth(nng_log_level at, const char *msgid, const char *msg, ...)
{
    va_list args;
    va_start(args, msg);
    format((int) at, NNG_LOG_AUTH, msgid, msg, args);
    va_end(args);
}
