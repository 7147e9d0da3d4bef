/* callprint: recognises scripted robot calls by their sound.
 *
 * Threads: an index may be used by any number of threads at the same time. A session may be used by one thread at a time;
 * different sessions by different threads at the same time. The last error is kept for each thread.
 * Handles: a session keeps what it needs of its index, so the index may be freed first. Freeing NULL is fine.
 * Errors: functions that return a status never end the program; callprint_last_error says why one failed.
 *
 * Licence: MIT or Apache-2.0. Made by cbindgen: do not edit. */

#ifndef CALLPRINT_H
#define CALLPRINT_H

#include <stddef.h>
#include <stdint.h>

// Version of the binary interface: raised only where a program built against an older header would break.
#define CALLPRINT_ABI_VERSION 1

// Names in `CallprintEvent.rivals`.
#define CALLPRINT_MAX_RIVALS 4

// How a call went. Negative values are errors, which `callprint_last_error` puts into words.
typedef enum {
  // Done.
  CALLPRINT_OK = 0,
  // No event waits.
  CALLPRINT_NO_EVENT = 1,
  // A pointer that must not be NULL is.
  CALLPRINT_ERROR_NULL = -1,
  // An argument is outside its range, a pointer is not aligned, or a handle is none of the kind wanted.
  CALLPRINT_ERROR_ARGUMENT = -2,
  // `struct_size` is smaller than any version of the struct, or fields that this library does not know are not 0.
  CALLPRINT_ERROR_STRUCT_SIZE = -3,
  // The operating system refused to read the file.
  CALLPRINT_ERROR_IO = -4,
  // The file is no index, is damaged, or was made with another version.
  CALLPRINT_ERROR_INDEX = -5,
  // A fault of the library. The session concerned works again after `callprint_session_reset`.
  CALLPRINT_ERROR_INTERNAL = -6,
} CallprintStatus;

// Kinds of events.
typedef enum {
  // Sound that is not ringing, tone or silence began.
  CALLPRINT_ANSWERED = 1,
  // A script became certain.
  CALLPRINT_MATCH = 2,
  // A known script plays, but `rivals` fit about as well.
  CALLPRINT_AMBIGUOUS = 3,
  // What came since speaks against a match or an ambiguous match announced earlier.
  CALLPRINT_MATCH_REVOKED = 4,
  // Enough was heard without a match.
  CALLPRINT_UNMATCHED = 5,
  // The voice behaves like a machine; `probability` says how sure that is.
  CALLPRINT_MACHINE_VOICE = 6,
  // A human took over from the machine; `probability` says how sure that is.
  CALLPRINT_HANDOVER = 7,
  // The audio ended.
  CALLPRINT_ENDED = 8,
} CallprintEventType;

// An index of known scripts. Read-only: any number of threads may use one at the same time. Sessions keep what they need of
// it, so it may be freed before them.
typedef struct CallprintIndex CallprintIndex;

// One leg of a call. One thread at a time may use it; different sessions may be used by different threads at the same time.
typedef struct CallprintSession CallprintSession;

// How a session listens. Set all to 0 and `struct_size` to `sizeof` of the struct; then what differs from the defaults. A
// number that is 0 stands for its default.
typedef struct {
  // `sizeof(CallprintConfig)` as the caller knows it.
  size_t struct_size;
  // Samples per second of what is fed, 1000 to 384000. Default 8000.
  uint32_t sample_rate;
  // 1: stop searching once the call is decided: unmatched, or matched without ambiguity for 2 s. Default 0.
  uint32_t stop_when_decided;
  // Largest false-alarm rate, per hour of audio, at which something is called a match. Default 0.01.
  double max_far;
  // Seconds of voice after which a call without a match is declared unmatched. Default 12.
  double unmatched_after;
  // 1: do not judge whether the voice is a machine's, which saves .1 % of a core and 340 kB. Default 0.
  uint32_t skip_machine_voice;
  // 0.
  uint32_t reserved;
} CallprintConfig;

// What became known. Set `struct_size` before `callprint_session_poll`; the library fills in the fields that both sides know.
// Strings belong to the session and are valid until the next call with it; they are NULL where an event has none.
typedef struct {
  // `sizeof(CallprintEvent)` as the caller knows it.
  size_t struct_size;
  // A `CallprintEventType`; programs ignore values that they do not know.
  int32_t kind;
  // Number of names in `rivals`.
  uint32_t rival_count;
  // Audio time of the event, s from the first sample.
  double at;
  // Script of a match, ambiguous match or revoked match.
  const char *script;
  // Rendering of it (`script__voice`).
  const char *rendering;
  // Category of it, empty where the index does not know.
  const char *category;
  // Scripts that fit about as well, `rival_count` of them.
  const char *rivals[CALLPRINT_MAX_RIVALS];
  // Log-likelihood ratio, nats.
  double score;
  // Expected wrong matches at this score or higher per hour of audio.
  double false_alarms_per_hour;
  // Bit error rate of the aligned codes.
  double ber;
  // Start in the call, s.
  double query_start;
  // End in the call so far, s.
  double query_end;
  // Start in the script's rendering, s.
  double script_start;
  // End in the script's rendering so far, s.
  double script_end;
  // Playback speed relative to the rendering.
  double speed;
  // How sure it is that a machine speaks, or that a person took over, 0 to 1.
  double probability;
} CallprintEvent;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Version of the library, such as `"0.1.0"`. Never NULL; valid for ever.
const char *callprint_version(void);

// Version of the binary interface of the library that is loaded; equal to `CALLPRINT_ABI_VERSION` of the header that a
// program was built with, or the two do not fit.
uint32_t callprint_abi_version(void);

// Opens an index file, memory-mapped, and stores a handle in `*out`; free it with `callprint_index_free`. On an error `*out`
// is set to NULL. `path`: a string in the encoding of the system's file names. The file must not be changed in place while it
// is open; the callprint program replaces files by renaming, which is safe.
//
// # Safety
// `path` is NULL or a string ended by NUL; `out` is NULL or may be written.
CallprintStatus callprint_index_open(const char *path,
                                     CallprintIndex **out);

// Stores a handle to the index that is built into the library in `*out`; free it with `callprint_index_free`. On an error
// `*out` is set to NULL.
//
// # Safety
// `out` is NULL or may be written.
CallprintStatus callprint_index_builtin(CallprintIndex **out);

// Number of renderings in an index; 0 for NULL.
//
// # Safety
// `index` is NULL or a living handle.
size_t callprint_index_renderings(const CallprintIndex *index);

// Frees an index. NULL is fine.
//
// # Safety
// `index` is NULL or a living handle that is not used again.
void callprint_index_free(CallprintIndex *index);

// Stores a handle to a new session in `*out`; free it with `callprint_session_free`. On an error `*out` is set to NULL.
// `config` may be NULL for the defaults.
//
// # Safety
// `index` is NULL or a living handle, `config` NULL or a struct of the size that it says, `out` NULL or may be written.
CallprintStatus callprint_session_new(const CallprintIndex *index,
                                      const CallprintConfig *config,
                                      CallprintSession **out);

// Takes 16-bit samples, any number. Neither allocates nor locks.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now; `samples` is NULL (with a count of 0) or points to
// `count` samples.
CallprintStatus callprint_session_feed_i16(CallprintSession *session,
                                           const int16_t *samples,
                                           size_t count);

// Takes samples in [-1, 1], any number; what is not finite counts as 0.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_f32(CallprintSession *session, const float *samples, size_t count);

// Takes G.711 mu-law bytes, any number.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_ulaw(CallprintSession *session, const uint8_t *samples, size_t count);

// Takes G.711 A-law bytes, any number.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_alaw(CallprintSession *session, const uint8_t *samples, size_t count);

// Takes the oldest event that waits: `CALLPRINT_OK` and the event in `*event`, or `CALLPRINT_NO_EVENT`.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now; `event` is NULL or a struct of the size that it says.
CallprintStatus callprint_session_poll(CallprintSession *session,
                                       CallprintEvent *event);

// Ends the call: events that became known only by its end, then `CALLPRINT_ENDED`, wait to be polled.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
CallprintStatus callprint_session_finish(CallprintSession *session);

// Forgets the call; what is fed next begins another. Events that waited are lost.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
CallprintStatus callprint_session_reset(CallprintSession *session);

// Frees a session. NULL is fine.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now and that is not used again.
void callprint_session_free(CallprintSession *session);

// Why the last call of this thread that failed did, in English; empty where none has. Never NULL; valid until the next call of
// this thread that fails.
const char *callprint_last_error(void);

// Why the last call of this thread that failed did, in English; empty where none has. Never NULL; valid until the next call of
// this thread that fails.
const char *callprint_last_error(void);

// Opens an index file, memory-mapped, and stores a handle in `*out`; free it with `callprint_index_free`. On an error `*out`
// is set to NULL. `path`: a string in the encoding of the system's file names. The file must not be changed in place while it
// is open; the callprint program replaces files by renaming, which is safe.
//
// # Safety
// `path` is NULL or a string ended by NUL; `out` is NULL or may be written.
CallprintStatus callprint_index_open(const char *path,
                                     CallprintIndex **out);

// Stores a handle to the index that is built into the library in `*out`; free it with `callprint_index_free`. On an error
// `*out` is set to NULL.
//
// # Safety
// `out` is NULL or may be written.
CallprintStatus callprint_index_builtin(CallprintIndex **out);

// Number of renderings in an index; 0 for NULL.
//
// # Safety
// `index` is NULL or a living handle.
size_t callprint_index_renderings(const CallprintIndex *index);

// Frees an index. NULL is fine.
//
// # Safety
// `index` is NULL or a living handle that is not used again.
void callprint_index_free(CallprintIndex *index);

// Stores a handle to a new session in `*out`; free it with `callprint_session_free`. On an error `*out` is set to NULL.
// `config` may be NULL for the defaults.
//
// # Safety
// `index` is NULL or a living handle, `config` NULL or a struct of the size that it says, `out` NULL or may be written.
CallprintStatus callprint_session_new(const CallprintIndex *index,
                                      const CallprintConfig *config,
                                      CallprintSession **out);

// Takes 16-bit samples, any number. Neither allocates nor locks.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now; `samples` is NULL (with a count of 0) or points to
// `count` samples.
CallprintStatus callprint_session_feed_i16(CallprintSession *session,
                                           const int16_t *samples,
                                           size_t count);

// Takes samples in [-1, 1], any number; what is not finite counts as 0.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_f32(CallprintSession *session, const float *samples, size_t count);

// Takes G.711 mu-law bytes, any number.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_ulaw(CallprintSession *session, const uint8_t *samples, size_t count);

// Takes G.711 A-law bytes, any number.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_alaw(CallprintSession *session, const uint8_t *samples, size_t count);

// Takes the oldest event that waits: `CALLPRINT_OK` and the event in `*event`, or `CALLPRINT_NO_EVENT`.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now; `event` is NULL or a struct of the size that it says.
CallprintStatus callprint_session_poll(CallprintSession *session,
                                       CallprintEvent *event);

// Ends the call: events that became known only by its end, then `CALLPRINT_ENDED`, wait to be polled.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
CallprintStatus callprint_session_finish(CallprintSession *session);

// Forgets the call; what is fed next begins another. Events that waited are lost.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
CallprintStatus callprint_session_reset(CallprintSession *session);

// Frees a session. NULL is fine.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now and that is not used again.
void callprint_session_free(CallprintSession *session);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CALLPRINT_H */
