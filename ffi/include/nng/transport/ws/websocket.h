/* ws://HOST:PORT/PATH and wss://HOST:PORT/PATH. */
#ifndef NNG_TRANSPORT_WS_WEBSOCKET_H
#define NNG_TRANSPORT_WS_WEBSOCKET_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NNG_OPT_WSS_REQUEST_HEADERS NNG_OPT_WS_REQUEST_HEADERS
#define NNG_OPT_WSS_RESPONSE_HEADERS NNG_OPT_WS_RESPONSE_HEADERS

#ifndef NNG_ELIDE_DEPRECATED
/* Not needed: transports are always there. */
NNG_DECL int nng_ws_register(void);
NNG_DECL int nng_wss_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
