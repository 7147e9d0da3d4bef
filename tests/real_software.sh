#!/usr/bin/env bash
# callprint among the programs that it works with, on the loopback interface.
#
#   bash tests/real_software.sh
#
#   1. baresips call each other in four codecs, the capture is piped live from dumpcap into `callprint listen --pcap -`.
#   2. SIPp calls SIPp, `--pcap` reads the recording.
#   3. GStreamer sends RTP to a pipeline with the element of examples/gstreamer.
#   4. Captures with losses, on all links: the counts are tshark's.
#   5. AMR files by libopencore-amrnb (feature `amr`).
#   6. Asterisk, where it is installed (tests/asterisk.sh).
#
# Installs Debian packages as root; where it can't, or where nobody may capture, it says what is missing and ends with status 0.
# Takes a minute, and once some minutes to build the element. Prints the programs' output only if something fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/packages.sh

readonly ROOT=$PWD
readonly PACKAGES=(
    baresip-core tshark wireshark-common sip-tester pkg-config libopencore-amrnb-dev
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
)
# What the corpus calls the script that is played.
readonly SCRIPT=dental-01 ROBOT=corpus/renderings/dental-01__taco.flac HUMAN=corpus/samples/human.flac
# Two hundred ports below those that the system hands out, so that two runs seldom meet.
readonly PORT=$((20000 + RANDOM % 60 * 200))

WORK=$(mktemp -d)
CHILDREN=()
PASSED=0

clean_up() {
    local status=$?
    for child in "${CHILDREN[@]}"; do kill "$child" 2>/dev/null || true; done
    wait
    if ((status != 0)); then
        for log in "$WORK"/*.log "$WORK"/*.jsonl; do
            [[ -s $log ]] && printf -- '--- %s\n' "${log##*/}" && tr '\r' '\n' <"$log" | tail -n 20
        done
        printf 'tests/real_software.sh: FAILED\n'
    fi >&2
    rm -rf "$WORK"
}
trap clean_up EXIT

say() { printf '\n== real software: %s\n' "$*"; }
passed() { PASSED=$((PASSED + 1)) && printf 'ok: %s\n' "$*"; }

fail() {
    printf 'tests/real_software.sh: %s\n' "$*" >&2
    exit 1
}

skip() {
    printf '\n== real software: SKIPPED: %s\n' "$*"
    exit 0
}

# start LOG COMMAND...: runs it in the background for two minutes at most; its process is $!.
start() {
    local log=$WORK/$1
    shift
    timeout 120 "$@" >"$log" 2>&1 </dev/null &
    CHILDREN+=($!)
}

# wait_for SECONDS FILE PATTERN WHAT: until the file, which may not be there yet, has a line like that.
wait_for() {
    local end=$((SECONDS + $1))
    until grep -qs -- "$3" "$2"; do
        ((SECONDS < end)) || fail "$4 did not happen within $1 s"
        sleep 0.1
    done
}

# stop PROCESS: asks a process to end and waits for it.
stop() {
    kill -INT "$1" 2>/dev/null || true
    wait "$1" || true
}

# events PORT TYPE: the events of a type in the calls that the agent at that port speaks in.
events() { grep -- "$(sender "$1").*\"type\":\"$2\"" "$WORK/events.jsonl" || true; }

# only_script FILE PATTERN: whether there are lines with that pattern, and all of them name the script that was played.
only_script() { [[ $(grep -- "$2" "$1" | grep -oE 'script(=\(string\)|":")[a-z0-9-]+' | grep -oE '[a-z]+-[0-9]+$' | sort -u) == "$SCRIPT" ]]; }

want_programs() {
    local missing=0 program
    for program in baresip tshark dumpcap sipp gst-launch-1.0 pkg-config; do
        command -v "$program" >/dev/null || missing=1
    done
    pkg-config --exists gstreamer-1.0 gstreamer-base-1.0 gstreamer-audio-1.0 opencore-amrnb 2>/dev/null || missing=1
    gst-inspect-1.0 --exists rtppcmupay 2>/dev/null || missing=1
    if ((missing)); then
        may_install || skip "please install ${PACKAGES[*]} (names of Debian packages)"
        want_packages "${PACKAGES[@]}"
    fi
    dumpcap -q -i lo -a duration:1 -w "$WORK/try.pcapng" >"$WORK/dumpcap-try.log" 2>&1 ||
        skip "dumpcap may not capture on lo: run this as root, or join the group wireshark"
}

# to_wav INPUT RATE CHANNELS OUTPUT: a FLAC file as 16-bit WAV.
to_wav() {
    gst-launch-1.0 -q filesrc location="$1" ! flacparse ! flacdec ! audioconvert ! audioresample \
        ! audio/x-raw,format=S16LE,rate="$2",channels="$3" ! wavenc ! filesink location="$4"
}

# agent NAME PORT SOURCE CODECS: a folder from which baresip runs with that source of audio; its RTP has the 18 ports after PORT.
agent() {
    mkdir "$WORK/$1"
    cat >"$WORK/$1/config" <<CONFIG
module_path $(dirname "$(find /usr/lib /usr/local/lib -name aufile.so -path '*baresip*' | head -n 1)")
sip_listen 127.0.0.1:$2
rtp_ports $(($2 + 2))-$(($2 + 18))
audio_source $3
audio_player aubridge,null
audio_alert aubridge,null
module g711.so
module gsm.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module_app account.so
module_app menu.so
CONFIG
    printf '<sip:%s@127.0.0.1:%d>;regint=0;answermode=auto;audio_codecs=%s\n' "$1" "$2" "$4" >"$WORK/$1/accounts"
    : >"$WORK/$1/contacts"
}

# dial NAME: an agent calls the one that answers.
dial() { start "$1.log" baresip -f "$WORK/$1" -e "/dial sip:answer@127.0.0.1:$PORT"; }

# sender PORT: a pattern for the calls that the agent at that port speaks in; its address stands before the >.
sender() { printf '"call":"[^">]*:\\(%s\\)>' "$(seq -s '\|' $(($1 + 2)) $(($1 + 18)))"; }

# The scripts that are heard while a baresip plays them to another.
calls_between_baresips() {
    say "baresip calls baresip, dumpcap -w - | callprint listen --pcap -"
    local capture listener robot codec name rate channels port=$PORT
    # A bridge to nobody gives silence.
    agent answer "$PORT" aubridge,none pcmu,gsm,g722/16000,opus/48000/2
    mkfifo "$WORK/pipe"
    # 96 is what baresip calls Opus.
    target/release/callprint listen --pcap - --payload 96=opus <"$WORK/pipe" >"$WORK/events.jsonl" 2>"$WORK/listen.log" &
    listener=$!
    CHILDREN+=("$listener")
    timeout 120 dumpcap -q -i lo -f "udp portrange $PORT-$((PORT + 119))" -w - >"$WORK/pipe" 2>"$WORK/dumpcap.log" &
    capture=$!
    CHILDREN+=("$capture")
    wait_for 20 "$WORK/dumpcap.log" File "the capture"
    start answer.log baresip -f "$WORK/answer"
    wait_for 20 "$WORK/answer.log" "baresip is ready" "baresip's start"

    for codec in pcmu/8000/1 gsm/8000/1 g722/16000/1 opus/48000/2; do
        IFS=/ read -r name rate channels <<<"$codec"
        port=$((port + 20))
        to_wav "$ROBOT" "$rate" "$channels" "$WORK/$name.wav"
        agent "$name" "$port" "aufile,$WORK/$name.wav" "$codec"
        dial "$name"
        robot=$!
        wait_for 30 "$WORK/events.jsonl" "$(sender "$port").*\"type\":\"match\"" "the match in the $name call"
        # The call is up: it ends when the file does.
        if ! kill -0 "$robot" || grep -q terminated "$WORK/$name.log"; then
            fail "the match came after the end of the $name call"
        fi
        [[ -z $(events "$port" ended) ]] || fail "the $name stream had ended before the match"
        stop "$robot"
    done
    only_script "$WORK/events.jsonl" '"type":"match"' || fail "another script than $SCRIPT was named"
    passed "the script is named while the call is up, as PCMU, GSM, G.722 and Opus"

    port=$((port + 20))
    to_wav "$HUMAN" 8000 1 "$WORK/human.wav"
    agent human "$port" "aufile,$WORK/human.wav" pcmu
    dial human
    wait_for 40 "$WORK/human.log" "terminated" "the end of the human's call"
    stop "$capture"
    wait "$listener" || fail "callprint listen ended with status $?"
    # The file has 15.7 s.
    events "$port" ended | grep -q '"at":1[5-9]' || fail "the human was not heard to the end"
    [[ -z $(events "$port" match) ]] || fail "a human prompt matched"
    [[ $(grep -c '"type":"match"' "$WORK/events.jsonl") == 4 ]] || fail "not four matches in all"
    passed "a human prompt is none"
}

# A recorded call between two SIPps; the called one echoes what it hears.
recorded_call() {
    say "sipp calls sipp, callprint listen --pcap FILE"
    local capture media=$((PORT + 150))
    gst-launch-1.0 -q filesrc location="$WORK/pcmu.wav" ! wavparse ! mulawenc ! filesink location="$WORK/robot.ulaw"
    start dumpcap-sipp.log dumpcap -q -i lo -f "udp portrange $((PORT + 140))-$((PORT + 179))" -w "$WORK/sipp.pcapng"
    capture=$!
    wait_for 20 "$WORK/dumpcap-sipp.log" File "the capture"
    start sipp-answer.log sipp -nostdin -sn uas -i 127.0.0.1 -p $((PORT + 140)) -mi 127.0.0.1 -mp "$media" -rtp_echo -m 1
    sleep 1
    start sipp-robot.log env -C "$WORK" sipp -nostdin -sf "$ROOT/tests/real_software/sipp.xml" -i 127.0.0.1 -p $((PORT + 142)) \
        -mi 127.0.0.1 -mp $((PORT + 160)) -m 1 127.0.0.1:$((PORT + 140))
    wait $! || fail "sipp's call ended with status $?"
    sleep 0.5
    stop "$capture"
    target/release/callprint listen --pcap "$WORK/sipp.pcapng" >"$WORK/sipp.jsonl" 2>"$WORK/listen-sipp.log"
    only_script "$WORK/sipp.jsonl" '"type":"match"' || fail "not $SCRIPT alone is named"
    [[ $(grep -c '"type":"match"' "$WORK/sipp.jsonl") == 2 ]] || fail "the caller and the echo are not both named"
    passed "the script is named in both directions of the recording"

    local ours theirs
    ours=$(grep '"type":"ended"' "$WORK/sipp.jsonl" | sed -E 's|.*/([0-9a-f]{8})".*"packets":([0-9]+),"lost":([0-9]+).*|\1\t\2\t\3|' | sort)
    theirs=$(streams_of_tshark "$WORK/sipp.pcapng" | sort)
    [[ -n $ours && $ours == "$theirs" ]] || fail "callprint counts $ours, tshark $theirs"
    passed "tshark counts the same packets"
}

streams_of_tshark() {
    tshark -r "$1" --enable-heuristic rtp_udp -q -z rtp,streams 2>"$WORK/tshark.log" | awk -f tests/real_software/rtp_streams.awk
}

# The element `callprint` in a pipeline that receives RTP.
gstreamer_element() {
    say "RTP to a GStreamer pipeline with the element callprint"
    cargo build --locked --release --manifest-path examples/gstreamer/Cargo.toml --target-dir target/gstreamer
    export GST_PLUGIN_PATH=$ROOT/target/gstreamer/release GST_REGISTRY=$WORK/registry.bin
    local port=$((PORT + 190)) receiver sender
    start gst-receive.log gst-launch-1.0 -m udpsrc address=127.0.0.1 port="$port" \
        caps=application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU,payload=0 \
        ! rtpjitterbuffer ! rtppcmudepay ! mulawdec ! callprint ! fakesink
    receiver=$!
    wait_for 30 "$WORK/gst-receive.log" PLAYING "the receiving pipeline"
    start gst-send.log gst-launch-1.0 -q filesrc location="$WORK/pcmu.wav" ! wavparse ! mulawenc ! rtppcmupay \
        ! udpsink host=127.0.0.1 port="$port"
    sender=$!
    wait_for 30 "$WORK/gst-receive.log" 'callprint, type=(string)match' "the match on the bus"
    kill -0 "$sender" || fail "the match came after the end of the call"
    stop "$sender"
    stop "$receiver"
    only_script "$WORK/gst-receive.log" 'type=(string)match' || fail "another script than $SCRIPT was named"
    passed "the bus says which script plays while it plays"

    gst-launch-1.0 -m filesrc location="$WORK/human.wav" ! wavparse ! callprint ! fakesink >"$WORK/gst-human.log" 2>&1
    grep -q 'callprint, type=(string)ended' "$WORK/gst-human.log" || fail "the element did not hear the human's call to its end"
    ! grep -q 'type=(string)match' "$WORK/gst-human.log" || fail "a human prompt matched"
    passed "a human prompt gives no match on the bus"

    gst-launch-1.0 -m filesrc location=corpus/samples/dental-handover.flac ! flacparse ! flacdec ! audioconvert ! audioresample \
        ! callprint ! fakesink >"$WORK/gst-handover.log" 2>&1
    grep -q 'callprint, type=(string)handover, .*probability=(double)0\.' "$WORK/gst-handover.log" ||
        fail "the bus does not say how sure the hand-over is"
    passed "the bus says when a person takes over, and how sure that is"
}

# The table that core/tests/rtp_counts.rs compares with, by the tshark that is here.
counts_of_tshark() {
    say "counts of RTP streams, next to tshark's"
    mkdir "$WORK/captures"
    CALLPRINT_WRITE_CAPTURES=$WORK/captures cargo test --quiet --locked --release --workspace --exclude callprint-python \
        --test rtp_counts
    for capture in "$WORK"/captures/*; do
        streams_of_tshark "$capture" | sed "s|^|${capture##*/}\t|"
    done | LC_ALL=C sort >"$WORK/rtp-streams.tsv"
    diff core/tests/data/rtp-streams.tsv "$WORK/rtp-streams.tsv" ||
        fail "core/tests/data/rtp-streams.tsv (<) is not what $(tshark -v | head -n 1) says (>)"
    passed "$(wc -l <"$WORK/rtp-streams.tsv") streams have the counts of $(tshark -v | head -n 1 | cut -d' ' -f1-3)"
}

# Decoding by a library in C, which the other tests do without.
amr_files() {
    say "AMR files by libopencore-amrnb"
    cargo test --quiet --locked --release -p callprint --no-default-features --features decode,amr --test amr
    passed "AMR files are read"
}

want_programs
cargo build --locked --release
calls_between_baresips
recorded_call
counts_of_tshark
gstreamer_element
amr_files
bash tests/asterisk.sh target/release/callprint
printf '\n== real software: all %d checks passed in %d s\n' "$PASSED" "$SECONDS"
