/* tls+tcp://HOST:PORT. */
#ifndef NNG_TRANSPORT_TLS_TLS_H
#define NNG_TRANSPORT_TLS_TLS_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_ELIDE_DEPRECATED
/* Not needed: transports are always there. */
NNG_DECL int nng_tls_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
