/* Pair, version 0: one peer, both directions. */
#ifndef NNG_PROTOCOL_PAIR0_PAIR_H
#define NNG_PROTOCOL_PAIR0_PAIR_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

NNG_DECL int nng_pair0_open(nng_socket *s);
NNG_DECL int nng_pair0_open_raw(nng_socket *s);

#ifndef nng_pair_open
#define nng_pair_open nng_pair0_open
#endif
#ifndef nng_pair_open_raw
#define nng_pair_open_raw nng_pair0_open_raw
#endif

#define NNG_PAIR0_SELF 0x10
#define NNG_PAIR0_PEER 0x10
#define NNG_PAIR0_SELF_NAME "pair"
#define NNG_PAIR0_PEER_NAME "pair"

#ifdef __cplusplus
}
#endif

#endif
