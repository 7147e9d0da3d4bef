/* callprint: recognises scripted robot calls by their sound.
 *
 * Threads: an index may be used by any number of threads at the same time. A session may be used by one thread at a time;
 * different sessions by different threads at the same time. The last error is kept for each thread.
 * Handles: a session keeps what it needs of its index, so the index may be freed first. Freeing NULL is fine.
 * Memory: once a session is made, feed, poll, finish and reset allocate nothing on threads that have made a session or called
 * callprint_thread_prepare.
 * Stack: no function wants more than 192 KiB of it.
 * Language: C99 or C++11.
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
  // No event waits, or no match stands.
  CALLPRINT_NO_EVENT = 1,
  // A pointer that must not be NULL is.
  CALLPRINT_ERROR_NULL = -1,
  // An argument is outside its range, a pointer is not aligned, or a handle is none of the kind wanted.
  CALLPRINT_ERROR_ARGUMENT = -2,
  // `struct_size` is smaller than any version of the struct or more than 4096, or fields that this library does not know,
  // `reserved` among them, are not 0.
  CALLPRINT_ERROR_STRUCT_SIZE = -3,
  // The operating system refused to read the file.
  CALLPRINT_ERROR_IO = -4,
  // The file is no index, is damaged, or was made with another version.
  CALLPRINT_ERROR_INDEX = -5,
  // A fault of the library. The session concerned works again after `callprint_session_reset`.
  CALLPRINT_ERROR_INTERNAL = -6,
  // The call was ended by `callprint_session_finish`: reset the session first.
  CALLPRINT_ERROR_ENDED = -7,
} CallprintStatus;

// Kinds of events.
typedef enum {
  // Sound began that is neither a tone nor a steady noise; `at` is its first loud moment. It is known once .36 s of codes in a row hold
  // such sound. Tones shorter than .3 s, such as a DTMF digit, count as sound.
  CALLPRINT_ANSWERED = 1,
  // A script became certain. That is told at the first moment when its rate is below `max_far`, so the rate lies just below it, and
  // `query_end` and `script_end` are where the script was then; `callprint_session_best` says what has become of it.
  CALLPRINT_MATCH = 2,
  // A known script plays, but `rivals` fit about as well.
  CALLPRINT_AMBIGUOUS = 3,
  // What came since speaks against a match or an ambiguous match announced earlier.
  CALLPRINT_MATCH_REVOKED = 4,
  // Enough was heard without a match. A match may follow all the same, if a script begins later.
  CALLPRINT_UNMATCHED = 5,
  // The voice behaves like a machine; `probability` says how sure that is.
  CALLPRINT_MACHINE_VOICE = 6,
  // A human took over from the machine; `probability` says how sure that is. `at` is when the voice changed, which is known 4.5 to
  // 7.1 s later only (with `skip_machine_voice` 2.5 to 6.5 s): `callprint_session_seconds` says when it is now.
  CALLPRINT_HANDOVER = 7,
  // The audio ended.
  CALLPRINT_ENDED = 8,
} CallprintEventType;

// An index of known scripts. Read-only: any number of threads may use one at the same time. Sessions keep what they need of
// it, so it may be freed before them.
//
// To exchange an index while calls are up, open the new one, make the sessions of new calls with it, and free the old one; running
// sessions end on the index that they began with. Swap the handle under a lock of your own, so that no thread makes a session with
// one that is being freed.
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
  // 1: stop searching once the call is decided: unmatched, or matched without ambiguity for 2 s. 0, the default: search on.
  uint32_t stop_when_decided;
  // Largest false-alarm rate, per hour of audio, at which something is called a match: positive and finite. Default 0.01.
  double max_far;
  // Seconds of sound, without tones and steady noise, after which a call without a match is declared unmatched. Default 12.
  double unmatched_after;
  // 1: do not judge whether the voice is a machine's, which saves .1 % of a core and 340 kB. 0, the default: judge.
  uint32_t skip_machine_voice;
  // Must be 0.
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

// Allocates what feeding sessions needs of this thread, about 7 MB that go with it, so that `callprint_session_feed_i16` and the
// others allocate nothing here. `callprint_session_new` does the same for the thread that calls it: call this at the start of
// threads that feed sessions which others make. Again does no harm.
CallprintStatus callprint_thread_prepare(void);

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

// Copies the name (`script__voice`) of rendering `number`, counted from 0 in the order of names, to `name`, cut to `size` bytes of
// which the last is NUL. Returns the length of the whole name without NUL, as `snprintf` does, so that NULL with a size of 0 asks
// for it; 0 where there is no such rendering.
//
// # Safety
// `index` is NULL or a living handle; `name` is NULL (with a size of 0) or `size` bytes may be written there.
size_t callprint_index_name(const CallprintIndex *index,
                            size_t number,
                            char *name,
                            size_t size);

// Reads the whole index and checks every checksum and structural rule: `CALLPRINT_OK`, or `CALLPRINT_ERROR_INDEX`, and
// `callprint_last_error` says what is damaged. Takes as long as reading the file; opening checks the header and sizes only.
//
// # Safety
// `index` is NULL or a living handle.
CallprintStatus callprint_index_verify(const CallprintIndex *index);

// Frees an index. NULL is fine.
//
// # Safety
// `index` is NULL or a living handle that is not used again.
void callprint_index_free(CallprintIndex *index);

// Stores a handle to a new session in `*out`; free it with `callprint_session_free`. On an error `*out` is set to NULL.
// `config` may be NULL for the defaults. The index may be freed at once; it stays open as long as the session needs it. Prepares
// this thread, see `callprint_thread_prepare`.
//
// # Safety
// `index` is NULL or a living handle, `config` NULL or a struct of the size that it says, `out` NULL or may be written.
CallprintStatus callprint_session_new(const CallprintIndex *index,
                                      const CallprintConfig *config,
                                      CallprintSession **out);

// Takes 16-bit samples, any number. Neither allocates nor locks, on a thread that has made a session or called
// `callprint_thread_prepare`; any other allocates 7 MB with the first audio that it feeds, once.
//
// Poll after each feed: of more than 64 events that wait the oldest are lost (`callprint_session_missed_events`). After
// `callprint_session_finish` nothing is taken, and `CALLPRINT_ERROR_ENDED` says so until the session is reset.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now; `samples` is NULL (with a count of 0) or points to
// `count` samples.
CallprintStatus callprint_session_feed_i16(CallprintSession *session,
                                           const int16_t *samples,
                                           size_t count);

// Takes samples in [-1, 1], any number; what is not finite counts as 0. Else as `callprint_session_feed_i16`.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_f32(CallprintSession *session, const float *samples, size_t count);

// Takes G.711 mu-law bytes, any number. Else as `callprint_session_feed_i16`.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_ulaw(CallprintSession *session, const uint8_t *samples, size_t count);

// Takes G.711 A-law bytes, any number. Else as `callprint_session_feed_i16`.
//
// # Safety
// As for `callprint_session_feed_i16`.
CallprintStatus callprint_session_feed_alaw(CallprintSession *session, const uint8_t *samples, size_t count);

// Takes the oldest event that waits: `CALLPRINT_OK` and the event in `*event`, or `CALLPRINT_NO_EVENT`. Of more than 64 that
// wait the oldest are lost (`callprint_session_missed_events`). Neither allocates nor locks.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now; `event` is NULL or a struct of the size that it says.
CallprintStatus callprint_session_poll(CallprintSession *session,
                                       CallprintEvent *event);

// The best match that stands, as it is now: `CALLPRINT_OK` and the match in `*event`, or `CALLPRINT_NO_EVENT` where none stands. After
// `callprint_session_finish` it is what a scan of the whole call reports, for a call detail record: the event that told of a match
// has its rate and ends at that moment. `kind` is `CALLPRINT_MATCH`, or `CALLPRINT_AMBIGUOUS` where it has rivals; `at` is when it
// was known. Takes no event away. Allocates.
//
// # Safety
// As for `callprint_session_poll`.
CallprintStatus callprint_session_best(CallprintSession *session,
                                       CallprintEvent *event);

// Events of this call that were lost because more than 64 waited to be polled; 0 for NULL.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
uint64_t callprint_session_missed_events(const CallprintSession *session);

// 1 once the search has ended before the call, which it does with `stop_when_decided` only: what still comes is counted, and no
// event but `CALLPRINT_ENDED` follows. Else 0, also for NULL.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
int32_t callprint_session_is_decided(const CallprintSession *session);

// Seconds of audio fed since the call began; 0 for NULL.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
double callprint_session_seconds(const CallprintSession *session);

// When the first loud sound began that is neither a tone nor a steady noise, s from the first sample; -1 while none is known, and
// for NULL.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
double callprint_session_answered_at(const CallprintSession *session);

// Ends the call: events that became known only by its end, then `CALLPRINT_ENDED`, wait to be polled. To feed the session again,
// reset it first. Finishing again does nothing. Neither allocates nor locks, as `callprint_session_feed_i16`.
//
// # Safety
// `session` is NULL or a living handle that no other thread uses now.
CallprintStatus callprint_session_finish(CallprintSession *session);

// Forgets the call; what is fed next begins another. Events that waited are lost. Neither allocates nor locks.
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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CALLPRINT_H */
