/* inproc://NAME: within one process. */
#ifndef NNG_TRANSPORT_INPROC_INPROC_H
#define NNG_TRANSPORT_INPROC_INPROC_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_ELIDE_DEPRECATED
/* Not needed: transports are always there. */
NNG_DECL int nng_inproc_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
