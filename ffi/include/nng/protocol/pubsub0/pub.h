/* Pub: sends each message to all subscribers. */
#ifndef NNG_PROTOCOL_PUBSUB0_PUB_H
#define NNG_PROTOCOL_PUBSUB0_PUB_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

NNG_DECL int nng_pub0_open(nng_socket *s);
NNG_DECL int nng_pub0_open_raw(nng_socket *s);

#ifndef nng_pub_open
#define nng_pub_open nng_pub0_open
#endif
#ifndef nng_pub_open_raw
#define nng_pub_open_raw nng_pub0_open_raw
#endif

#define NNG_PUB0_SELF 0x20
#define NNG_PUB0_PEER 0x21
#define NNG_PUB0_SELF_NAME "pub"
#define NNG_PUB0_PEER_NAME "sub"

#ifdef __cplusplus
}
#endif

#endif
