/* Sub: receives the messages whose beginning matches a subscription. */
#ifndef NNG_PROTOCOL_PUBSUB0_SUB_H
#define NNG_PROTOCOL_PUBSUB0_SUB_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

NNG_DECL int nng_sub0_open(nng_socket *s);
NNG_DECL int nng_sub0_open_raw(nng_socket *s);

/* A subscription is the bytes that a message must begin with; none of them is all messages. */
NNG_DECL int nng_sub0_socket_subscribe(nng_socket s, const void *topic, size_t size);
NNG_DECL int nng_sub0_socket_unsubscribe(nng_socket s, const void *topic, size_t size);
NNG_DECL int nng_sub0_ctx_subscribe(nng_ctx ctx, const void *topic, size_t size);
NNG_DECL int nng_sub0_ctx_unsubscribe(nng_ctx ctx, const void *topic, size_t size);

#ifndef nng_sub_open
#define nng_sub_open nng_sub0_open
#endif
#ifndef nng_sub_open_raw
#define nng_sub_open_raw nng_sub0_open_raw
#endif

#define NNG_SUB0_SELF 0x21
#define NNG_SUB0_PEER 0x20
#define NNG_SUB0_SELF_NAME "sub"
#define NNG_SUB0_PEER_NAME "pub"

#define NNG_OPT_SUB_SUBSCRIBE "sub:subscribe"
#define NNG_OPT_SUB_UNSUBSCRIBE "sub:unsubscribe"
#define NNG_OPT_SUB_PREFNEW "sub:prefnew"

#ifdef __cplusplus
}
#endif

#endif
