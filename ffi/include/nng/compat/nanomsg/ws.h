/* The level and the options of ws. */
#ifndef NNG_COMPAT_WS_H
#define NNG_COMPAT_WS_H


#define NN_WS (-4)
#define NN_WS_MSG_TYPE 1
#define NN_WS_MSG_TYPE_TEXT 0x1
#define NN_WS_MSG_TYPE_BINARY 0x2

#endif
