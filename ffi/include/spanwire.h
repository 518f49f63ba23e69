/*
 * spanwire.h: what Spanwire has beyond NNG's interface, which is in <nng/nng.h> and the headers beside it.
 */
#ifndef SPANWIRE_H
#define SPANWIRE_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0". nng_version() has that of NNG's interface. */
NNG_DECL const char *spanwire_version(void);

/* Options that NNG lacks; they are set and read as all others. */
#define SPANWIRE_OPT_LINGER "linger"               /* ms, sockets: how long closing may take to send what is left; 0 */
#define SPANWIRE_OPT_SEND_PRIORITY "send-priority" /* int 1 to 16, dialers and listeners: the lowest number is served first; 8 */
#define SPANWIRE_OPT_RECV_PRIORITY "recv-priority" /* the same for what comes in; 8 */

#ifdef __cplusplus
}
#endif

#endif
