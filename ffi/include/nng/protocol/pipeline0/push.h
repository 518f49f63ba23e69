/* Push: the sending end of a pipeline; each message goes to one peer. */
#ifndef NNG_PROTOCOL_PIPELINE0_PUSH_H
#define NNG_PROTOCOL_PIPELINE0_PUSH_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

NNG_DECL int nng_push0_open(nng_socket *s);
NNG_DECL int nng_push0_open_raw(nng_socket *s);

#ifndef nng_push_open
#define nng_push_open nng_push0_open
#endif
#ifndef nng_push_open_raw
#define nng_push_open_raw nng_push0_open_raw
#endif

#define NNG_PUSH0_SELF 0x50
#define NNG_PUSH0_PEER 0x51
#define NNG_PUSH0_SELF_NAME "push"
#define NNG_PUSH0_PEER_NAME "pull"

#ifdef __cplusplus
}
#endif

#endif
