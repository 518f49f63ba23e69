/* ipc://PATH, unix://PATH, abstract://NAME: within one machine. */
#ifndef NNG_TRANSPORT_IPC_IPC_H
#define NNG_TRANSPORT_IPC_IPC_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_ELIDE_DEPRECATED
/* Not needed: transports are always there. */
NNG_DECL int nng_ipc_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
