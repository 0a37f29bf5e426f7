//! The parameters of a connection.

use std::time::Duration;

/// The algorithm that sets the congestion window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CongestionControl {
    /// Slow start and congestion avoidance (RFC 5681), fast recovery by NewReno (RFC 6582).
    #[default]
    NewReno,
    /// CUBIC (RFC 9438) with HyStart, as Linux has it.
    Cubic,
}

/// Probes of a silent peer (RFC 1122 §4.2.3.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepAlive {
    /// The silence before the first probe. Linux (`tcp_keepalive_time`): 2 h.
    pub idle: Duration,
    /// The time between probes. Linux (`tcp_keepalive_intvl`): 75 s.
    pub interval: Duration,
    /// How many probes may stay unanswered. Linux (`tcp_keepalive_probes`): 9.
    pub probes: u8,
}

impl Default for KeepAlive {
    fn default() -> Self {
        KeepAlive { idle: Duration::from_secs(7_200), interval: Duration::from_secs(75), probes: 9 }
    }
}

/// How the retransmission timeout follows from the round-trip time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtoRule {
    /// RTO = max(SRTT + max(G, 4 RTTVAR), minimum): RFC 6298 (2.3) and (2.4).
    Rfc6298,
    /// RTO = SRTT + max(4 RTTVAR, minimum): Linux `tcp_set_rto` and `tcp_rtt_estimator`, which keep
    /// the variance term at or above `tcp_rto_min`; in whole ticks of the kernel's 250 Hz, and expiring
    /// in steps of its timer wheel: one tick up to 63 ticks, eight times that on each level above.
    /// Measured: 244 ms at a round-trip time of 40 ms, expiring after 245 to 246 ms.
    Linux,
    /// Always [`Config::initial_rto`], doubled with each retransmission: a stack that measures nothing.
    Fixed,
}

/// The parameters of a connection; many connections share one.
///
/// The sets: [`Config::linux`] and [`Config::linux_newreno`], measured on Linux 6.18; [`Config::linux_5`]; [`Config::rfc`], the
/// conservative numbers of the RFCs as ns-3.48 uses them; [`Config::lwip`] and [`Config::w5500`], small
/// stacks by their sources. The source of each number stands with it:
/// *Linux* is a sysctl or constant of that kernel, *measured* a capture of it, *ns-3* a default of
/// its `TcpSocket`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The largest segment to receive, announced in the SYN, in bytes: MTU - 40, 1460 for Ethernet
    /// (RFC 9293 §3.7.1). Options count: with timestamps a segment carries 12 bytes of data less.
    pub mss: u16,
    /// Whether to offer and accept timestamps (RFC 7323). Both sets: yes.
    pub timestamps: bool,
    /// Whether to offer and accept selective acknowledgements (RFC 2018), and to recover by them (RFC
    /// 6675). Linux: yes (`tcp_sack`).
    pub sack: bool,
    /// For how long a selective acknowledgement may wait for more, after the first three behind a gap;
    /// at most a twentieth of the round-trip time. `None`: not at all. Linux: 1 ms
    /// (`tcp_comp_sack_delay_ns`; measured in c08s_cubic_drop_seg10). Only with `sack`.
    pub sack_delay: Option<Duration>,
    /// Whether losses are told by time, with a window for reordering (RACK, RFC 8985 §6), instead of by
    /// three segments. Linux: yes (`tcp_recovery`). Only with `sack`.
    pub rack: bool,
    /// Whether the end of a silent flight is probed before the retransmission timeout (RFC 8985 §7).
    /// Linux: yes (`tcp_early_retrans`). Only with `sack`.
    pub tail_loss_probe: bool,
    /// Whether the flight shrinks in proportion during recovery (RFC 6937) instead of pausing. Linux:
    /// yes. Only with `sack`.
    pub prr: bool,
    /// Probes of a silent peer, or `None` for none, as sockets are by default.
    pub keep_alive: Option<KeepAlive>,
    /// The window scale to offer, a shift count of at most 14 (RFC 7323 §2.3), or `None` not to. Linux:
    /// 7 with the default buffers (measured).
    pub window_scale: Option<u8>,
    /// The receive window at the start, in bytes: at most 65,535, which is all a SYN can say, and cut down
    /// to whole segments. Linux: 65,535, which makes 64,240 in the SYN (44 x 1460) and 65,160 in the
    /// SYN-ACK (45 x 1448), as measured.
    pub receive_window: u32,
    /// The receive buffer at the start, in bytes of data, for a stack that tunes it; `None`: the window
    /// grows with each segment. Linux: 86,800 of the 131,072 bytes of memory (`tcp_rmem`), by the windows of
    /// c08s_cubic_none and c08s_cubic_drop_seg10: 84,352 while two segments wait, 79,232, 75,520 and 74,240
    /// while six, nine and ten do.
    pub receive_buffer: Option<u32>,
    /// What the receive window, or the buffer, grows to while the reader keeps up, in bytes. Linux: 48 times
    /// its first buffer, as 6 MiB are 48 times 131,072 (`tcp_rmem`). ns-3 (`RcvBufSize`): 131,072.
    pub max_receive_window: u32,
    /// The same without timestamps, when the kernel has no round-trip time for its tuning; the window then grows
    /// with each segment. Linux: 100,352, read off a capture whose flight never exceeded 68 segments of 1460.
    pub max_receive_window_without_timestamps: u32,
    /// The most that may be sent and unacknowledged, in bytes: the send buffer of a small stack. Linux and
    /// ns-3: no such limit in practice.
    pub send_buffer: u32,
    /// The initial congestion window, in segments. RFC 6928 and Linux: 10.
    pub initial_window_segments: u32,
    /// How the retransmission timeout follows from the round-trip time.
    pub rto_rule: RtoRule,
    /// The minimum in [`rto_rule`](Self::rto_rule). RFC 6298 (2.4): 1 s. Linux: 200 ms (`tcp_rto_min`).
    pub min_rto: Duration,
    /// The largest retransmission timeout. RFC 6298 (2.5): 60 s or more. Linux: 120 s (`TCP_RTO_MAX`).
    pub max_rto: Duration,
    /// The retransmission timeout for data before there is a sample: 1 s, RFC 6298 (2.1).
    pub initial_rto: Duration,
    /// The timeout of the first SYN or SYN-ACK. Linux: 1 s, which its timer wheel makes 1.000 to 1.032 s
    /// (c08s_drop_syn: 1.0317 s). ns-3 (`ConnTimeout`): 3 s.
    pub syn_rto: Duration,
    /// How many SYNs are sent again at `syn_rto` before the timeout doubles. Linux since 6.5: 4
    /// (`tcp_syn_linear_timeouts`). RFC 6298: 0.
    pub syn_linear_timeouts: u8,
    /// How often a SYN or SYN-ACK is sent again before giving up. Linux (`tcp_syn_retries`) and ns-3
    /// (`ConnCount`): 6.
    pub syn_retries: u8,
    /// How often data is sent again without an answer before giving up. Linux (`tcp_retries2`): 15.
    /// ns-3 (`DataRetries`): 6, which is 123 s; RFC 1122 §4.2.3.5 wants 100 s or more.
    pub data_retries: u8,
    /// How long an acknowledgement may wait. Linux: 40 ms (measured). ns-3: 200 ms; RFC 1122 §4.2.3.2
    /// allows 500 ms.
    pub delayed_ack: Duration,
    /// How many full segments are acknowledged together at the latest: 2, RFC 1122 §4.2.3.2.
    pub delayed_ack_segments: u8,
    /// How many acknowledgements go out at once while the connection is not interactive, at its start
    /// and after a pause; 0 for none. Linux: 16 (`TCP_MAX_QUICKACKS`). Answering within `delayed_ack`
    /// makes a connection interactive, an expired delayed acknowledgement ends that (measured).
    pub quickack_segments: u16,
    /// Whether reading acknowledges: at once when everything is read and a second small segment has come
    /// since the last acknowledgement, or a first one on a connection that is not interactive. Linux: yes
    /// (`tcp_cleanup_rbuf`; measured in c01_mosquitto_q0_16). ns-3: no.
    pub ack_on_read: bool,
    /// Whether the acknowledgement of the peer's FIN waits for our own FIN as it would for data, while we
    /// have not closed. Linux: yes (`tcp_fin` makes the connection interactive), which saves one frame of
    /// four (measured). ns-3: no.
    pub delayed_fin_ack: bool,
    /// Nagle's algorithm (RFC 1122 §4.2.3.4) with Minshall's change, as in Linux: a small segment waits
    /// while an earlier *small* one is unacknowledged. Linux: on, and mosquitto and paho leave it on
    /// (measured). ns-3: off.
    pub nagle: bool,
    /// Whether nothing new is sent while anything is unacknowledged: one SEND command of a hard-wired stack
    /// at a time. Only [`Config::arduino`].
    pub one_at_a_time: bool,
    /// Whether timeouts make segments shorter, because a path may swallow long ones in silence (RFC 4821
    /// §7.7): 1,024 bytes of data once three seconds have passed since the first retransmission, and
    /// half of that with each further timeout, 48 at the least. Linux (`tcp_mtu_probing`, 1 for yes): no.
    pub mtu_probing: bool,
    /// How many sockets there are: a SYN that finds them all taken is refused. `None`: as many as one
    /// wants. W5500: 8 (data sheet 1.0.9, features).
    pub sockets: Option<u32>,
    /// How long TIME-WAIT lasts. RFC 9293 §3.4.2: 2 MSL = 4 min. Linux: 60 s (`TCP_TIMEWAIT_LEN`).
    pub time_wait: Duration,
    /// How long to bear a silent peer in FIN-WAIT-2, or `None` for ever. Linux: 60 s (`tcp_fin_timeout`).
    pub fin_wait_2_timeout: Option<Duration>,
    /// The algorithm that sets the congestion window.
    pub congestion: CongestionControl,
    /// By how many segments one acknowledgement may open the window in slow start, or `None` for as many
    /// as it covers. RFC 3465 §2.3: 2. Linux: no limit.
    pub slow_start_limit: Option<u32>,
    /// Whether a reduction of the window is taken back when the peer's timestamps or reported duplicates
    /// prove it needless (RFC 4015, RFC 3708); with selective acknowledgements only. Linux: yes.
    pub undo: bool,
    /// Whether a timeout is doubted: F-RTO (RFC 5682), with selective acknowledgements only. Linux: yes
    /// (`tcp_frto`).
    pub frto: bool,
    /// Whether, without selective acknowledgements, each partial acknowledgement restarts the retransmission
    /// timer: the Slow-but-Steady variant of RFC 6582 §4, one loss repaired each round trip. Linux: yes
    /// (measured). RFC 6582 §3.2 restarts it for the first one only (Impatient).
    pub slow_but_steady: bool,
    /// Whether the window returns to the initial one after an idle retransmission timeout (RFC 5681
    /// §4.1). Linux: yes (`tcp_slow_start_after_idle`). ns-3: no.
    pub restart_after_idle: bool,
}

impl Config {
    /// As Linux 6.18 behaves on an MTU 1500 path: CUBIC, selective acknowledgements, RACK, tail loss
    /// probes, proportional rate reduction.
    #[must_use]
    pub fn linux() -> Self {
        Config {
            sack: true,
            sack_delay: Some(Duration::from_millis(1)),
            rack: true,
            tail_loss_probe: true,
            prr: true,
            undo: true,
            frto: true,
            congestion: CongestionControl::Cubic,
            ..Config::linux_without_options()
        }
    }

    /// As Linux 5, and 6 before 6.5: a lost SYN is sent again after 1 s, then 2 s and doubling (`net/ipv4`,
    /// "tcp: make the first N SYN RTO backoffs linear" came with 6.5). All else as 6.18.
    #[must_use]
    pub fn linux_5() -> Self {
        Config { syn_linear_timeouts: 0, ..Config::linux() }
    }

    /// As Linux 6.18 behaves with NewReno, and with selective acknowledgements, timestamps, RACK and tail
    /// loss probes switched off (`tcp_congestion_control`, `tcp_sack`, `tcp_timestamps`, `tcp_recovery`,
    /// `tcp_early_retrans`), as c08_newreno_d20 was captured.
    #[must_use]
    pub fn linux_newreno() -> Self {
        Config { timestamps: false, ..Config::linux_without_options() }
    }

    fn linux_without_options() -> Self {
        Config {
            mss: 1460,
            timestamps: true,
            sack: false,
            sack_delay: None,
            rack: false,
            tail_loss_probe: false,
            prr: false,
            keep_alive: None,
            window_scale: Some(7),
            receive_window: 65_535,
            receive_buffer: Some(86_800),
            max_receive_window: 48 * 86_800,
            max_receive_window_without_timestamps: 100_352,
            send_buffer: u32::MAX,
            initial_window_segments: 10,
            rto_rule: RtoRule::Linux,
            min_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(120),
            initial_rto: Duration::from_secs(1),
            syn_rto: Duration::from_millis(1_032),
            syn_linear_timeouts: 4,
            syn_retries: 6,
            data_retries: 15,
            delayed_ack: Duration::from_millis(40),
            delayed_ack_segments: 2,
            quickack_segments: 16,
            ack_on_read: true,
            delayed_fin_ack: true,
            nagle: true,
            one_at_a_time: false,
            mtu_probing: false,
            sockets: None,
            time_wait: Duration::from_secs(60),
            fin_wait_2_timeout: Some(Duration::from_secs(60)),
            congestion: CongestionControl::NewReno,
            slow_start_limit: None,
            undo: false,
            frto: false,
            slow_but_steady: true,
            restart_after_idle: true,
        }
    }

    /// The numbers of the RFCs, as the side-by-side workloads use them: 1448 bytes of data in a segment,
    /// initial window 10, delayed acknowledgement of 2 segments or 200 ms, minimum timeout 1 s, lost SYN
    /// 3 s.
    #[must_use]
    pub fn rfc() -> Self {
        Config {
            mss: 1460,
            timestamps: true,
            sack: false,
            sack_delay: None,
            rack: false,
            tail_loss_probe: false,
            prr: false,
            keep_alive: None,
            window_scale: Some(7),
            receive_window: 65_535,
            receive_buffer: None,
            max_receive_window: 131_072,
            max_receive_window_without_timestamps: 131_072,
            send_buffer: u32::MAX,
            initial_window_segments: 10,
            rto_rule: RtoRule::Rfc6298,
            min_rto: Duration::from_secs(1),
            max_rto: Duration::from_secs(60),
            initial_rto: Duration::from_secs(1),
            syn_rto: Duration::from_secs(3),
            syn_linear_timeouts: 0,
            syn_retries: 6,
            data_retries: 6,
            delayed_ack: Duration::from_millis(200),
            delayed_ack_segments: 2,
            quickack_segments: 0,
            ack_on_read: false,
            delayed_fin_ack: false,
            nagle: false,
            one_at_a_time: false,
            mtu_probing: false,
            sockets: None,
            time_wait: Duration::from_secs(240),
            fin_wait_2_timeout: None,
            congestion: CongestionControl::NewReno,
            slow_start_limit: Some(2),
            undo: false,
            frto: false,
            slow_but_steady: false,
            restart_after_idle: false,
        }
    }

    /// As lwIP 2.1 on the ESP8266 with the Arduino core's "lower memory": segments of 536 bytes, `TCP_WND` of
    /// four and `TCP_SND_BUF` of two of them, `TCP_MAXRTX` 12, `TCP_SYNMAXRTX` 6, no timestamps, window
    /// scale or SACK (`glue-lwip/arduino/lwipopts.h` of esp82xx-nonos-linklayer, which that core is built
    /// with); timers in steps of 500 ms. The core's "higher bandwidth" has segments of 1460 bytes and
    /// the same ratios: see [`with_segments_of`](Self::with_segments_of). Its table of five connections
    /// is left out, and that it acknowledges every second segment, however small.
    ///
    /// A delayed acknowledgement goes with the next tick of 250 ms: after 125 ms in the mean, as here. Of real
    /// ones a fifth come later than 200 ms, when Linux has sent its probe.
    #[must_use]
    pub fn lwip() -> Self {
        Config {
            mss: 536,
            timestamps: false,
            window_scale: None,
            receive_window: 4 * 536,
            max_receive_window: 4 * 536,
            max_receive_window_without_timestamps: 4 * 536,
            send_buffer: 2 * 536,
            // LWIP_TCP_CALC_INITIAL_CWND: RFC 3390.
            initial_window_segments: 4,
            // The variance of at least three ticks of 500 ms never decays further (tcp_in.c).
            min_rto: Duration::from_millis(1_500),
            max_rto: Duration::from_secs(192),
            initial_rto: Duration::from_secs(3),
            syn_rto: Duration::from_secs(3),
            syn_retries: 6,
            data_retries: 12,
            delayed_ack: Duration::from_millis(125),
            nagle: true,
            time_wait: Duration::from_secs(120),
            fin_wait_2_timeout: Some(Duration::from_secs(20)),
            slow_start_limit: Some(2),
            ..Config::rfc()
        }
    }

    /// As Espressif's lwIP 1.4, which the ESP8266's SDK and MicroPython are built with (esp-open-lwip): segments
    /// of 1460 bytes, an initial window of two (`tcp_in.c`), ticks of 125 and 250 ms (`TCP_TMR_INTERVAL`). The
    /// first timeout is 1 s, and a SYN goes again each second (`tcp_slowtmr` does not double it); the variance of
    /// three ticks of 250 ms never decays further. A delayed acknowledgement waits for the next tick of 125 ms.
    #[must_use]
    pub fn lwip_1_4() -> Self {
        let first = Duration::from_secs(1);
        Config {
            initial_window_segments: 2,
            min_rto: Duration::from_millis(750),
            max_rto: Duration::from_secs(96),
            initial_rto: first,
            syn_rto: first,
            syn_linear_timeouts: 6,
            delayed_ack: Duration::from_micros(62_500),
            ..Config::lwip().with_segments_of(1460)
        }
    }

    /// As the W5500, a TCP in hardware (WIZnet data sheet 1.0.9): 2 kB of buffer each way for each of its
    /// eight sockets, no options beside the MSS, a fixed timeout of 200 ms (RTR) that doubles up to 6.4 s,
    /// eight retries (RCR). The data sheet does not speak of congestion control or Nagle's algorithm, nor of
    /// how long TIME-WAIT lasts: none, none, and 1 s are assumed.
    #[must_use]
    pub fn w5500() -> Self {
        let timeout = Duration::from_millis(200);
        Config {
            timestamps: false,
            window_scale: None,
            receive_window: 2_048,
            max_receive_window: 2_048,
            max_receive_window_without_timestamps: 2_048,
            send_buffer: 2_048,
            rto_rule: RtoRule::Fixed,
            min_rto: timeout,
            max_rto: Duration::from_millis(6_400),
            initial_rto: timeout,
            syn_rto: timeout,
            syn_retries: 8,
            data_retries: 8,
            delayed_ack: timeout,
            nagle: false,
            sockets: Some(8),
            time_wait: Duration::from_secs(1),
            ..Config::rfc()
        }
    }

    /// The W5500 behind Arduino's Ethernet library: `EthernetClient::write` gives the SEND command and
    /// returns when the chip says SEND_OK (`socketSend`), so there is one segment under way at a time.
    ///
    /// Assumed, because the data sheet does not say it: SEND_OK comes with the acknowledgement. Left out:
    /// writes that wait here go out together, where the library would give one SEND for each.
    #[must_use]
    pub fn arduino() -> Self {
        Config { one_at_a_time: true, ..Config::w5500() }
    }

    /// The same stack built for segments of `mss` bytes; windows and buffers keep their number of
    /// segments.
    #[must_use]
    pub fn with_segments_of(self, mss: u16) -> Self {
        let scaled = |bytes: u32| {
            let scaled = u64::from(bytes) * u64::from(mss) / u64::from(self.mss.max(1));
            if bytes == u32::MAX { bytes } else { u32::try_from(scaled).unwrap_or(u32::MAX) }
        };
        Config {
            receive_window: scaled(self.receive_window),
            max_receive_window: scaled(self.max_receive_window),
            max_receive_window_without_timestamps: scaled(self.max_receive_window_without_timestamps),
            send_buffer: scaled(self.send_buffer),
            mss,
            ..self
        }
    }
}
