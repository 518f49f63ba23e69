/* tcp://HOST:PORT, tcp4, tcp6. */
#ifndef NNG_TRANSPORT_TCP_TCP_H
#define NNG_TRANSPORT_TCP_TCP_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_ELIDE_DEPRECATED
/* Not needed: transports are always there. */
NNG_DECL int nng_tcp_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
