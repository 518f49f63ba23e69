/* Pull: the receiving end of a pipeline. */
#ifndef NNG_PROTOCOL_PIPELINE0_PULL_H
#define NNG_PROTOCOL_PIPELINE0_PULL_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

NNG_DECL int nng_pull0_open(nng_socket *s);
NNG_DECL int nng_pull0_open_raw(nng_socket *s);

#ifndef nng_pull_open
#define nng_pull_open nng_pull0_open
#endif
#ifndef nng_pull_open_raw
#define nng_pull_open_raw nng_pull0_open_raw
#endif

#define NNG_PULL0_SELF 0x51
#define NNG_PULL0_PEER 0x50
#define NNG_PULL0_SELF_NAME "pull"
#define NNG_PULL0_PEER_NAME "push"

#ifdef __cplusplus
}
#endif

#endif
