# Of tshark's table of RTP streams: SSRC, packets, and packets expected less those received, separated by tabs.
#
#   tshark -r CAPTURE --enable-heuristic rtp_udp -q -z rtp,streams | awk -f rtp_streams.awk
#
# The name of a codec may hold spaces: what follows it is counted back from the percentage behind the losses.
{
    ssrc = ""
    for (n = 1; n <= NF; n++) {
        if ($n ~ /^0x[0-9A-Fa-f]+$/) ssrc = tolower(substr($n, 3))
        if (ssrc != "" && $n ~ /^\(.*%\)$/) print ssrc "\t" $(n - 2) "\t" $(n - 1)
    }
}
