/* The numbers and options of surveyor and respondent. */
#ifndef NNG_COMPAT_SURVEY_H
#define NNG_COMPAT_SURVEY_H


#define NN_PROTO_SURVEY 6
#define NN_SURVEYOR (NN_PROTO_SURVEY * 16 + 2)
#define NN_RESPONDENT (NN_PROTO_SURVEY * 16 + 3)
#define NN_SURVEYOR_DEADLINE (NN_SURVEYOR * 16 + 1)

#endif
