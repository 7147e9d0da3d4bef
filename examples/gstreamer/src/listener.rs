//! The element's inside: a callprint session behind a base transform that never touches a buffer.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use callprint::{Index, Session, SessionConfig, SessionEvent};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;

static CATEGORY: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("callprint", gst::DebugColorFlags::empty(), Some("robot calls")));

/// What an application sets before the element starts.
#[derive(Debug, Clone)]
struct Settings {
    /// Index file; none is the corpus built into callprint.
    index: Option<String>,
    /// Largest false-alarm rate, per hour, at which something is called a match.
    max_far: f64,
}

/// What listens while the element is started and knows its caps.
struct State {
    session: Session,
    float: bool,
    /// Samples of a buffer, kept to spare the streaming thread from allocating.
    ints: Vec<i16>,
    floats: Vec<f32>,
}

/// The element.
pub struct Listener {
    settings: Mutex<Settings>,
    index: Mutex<Option<Arc<Index>>>,
    state: Mutex<Option<State>>,
}

impl Default for Listener {
    fn default() -> Self {
        let settings = Settings { index: None, max_far: SessionConfig::default().max_far };
        Self { settings: Mutex::new(settings), index: Mutex::default(), state: Mutex::default() }
    }
}

/// A lock that survives a panic elsewhere: what it guards is replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[glib::object_subclass]
impl ObjectSubclass for Listener {
    const NAME: &'static str = "GstCallprint";
    type Type = super::Callprint;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for Listener {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecString::builder("index")
                    .nick("Index")
                    .blurb("File of known scripts, made with `callprint index build`; none is the built-in corpus")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("max-far")
                    .nick("Maximum false-alarm rate")
                    .blurb("Call it a match up to so many expected wrong matches per hour of audio")
                    .minimum(f64::MIN_POSITIVE)
                    .default_value(SessionConfig::default().max_far)
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        match spec.name() {
            "index" => settings.index = value.get().unwrap_or_default(),
            "max-far" => settings.max_far = value.get().unwrap_or(settings.max_far),
            _ => {}
        }
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match spec.name() {
            "index" => settings.index.to_value(),
            _ => settings.max_far.to_value(),
        }
    }
}

impl GstObjectImpl for Listener {}

impl ElementImpl for Listener {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Robot call recogniser",
                "Filter/Analyzer/Audio",
                "Names scripted robot calls in the audio that passes through",
                "The callprint authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_audio::AudioCapsBuilder::new_interleaved()
                .format_list([gst_audio::AudioFormat::S16le, gst_audio::AudioFormat::F32le])
                .rate_range(1000..=384_000)
                .channels(1)
                .build();
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for Listener {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let index = match &lock(&self.settings).index {
            Some(path) => Index::open(path),
            None => Index::builtin(),
        };
        let index = index.map_err(|error| gst::error_msg!(gst::ResourceError::OpenRead, ["{error}"]))?;
        *lock(&self.index) = Some(Arc::new(index));
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        *lock(&self.index) = None;
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_audio::AudioInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CATEGORY, "caps that are no audio: {incaps}"))?;
        let index = lock(&self.index).clone();
        let Some(index) = index else { return Err(gst::loggable_error!(CATEGORY, "not started")) };
        let max_far = lock(&self.settings).max_far;
        let config = SessionConfig { sample_rate: info.rate(), max_far, ..SessionConfig::default() };
        let session = Session::new(index, config).map_err(|error| gst::loggable_error!(CATEGORY, "{error}"))?;
        let float = info.format() == gst_audio::AudioFormat::F32le;
        // Other caps are other audio: what was heard before has ended.
        self.finish();
        *lock(&self.state) = Some(State { session, float, ints: Vec::new(), floats: Vec::new() });
        Ok(())
    }

    fn transform_ip_passthrough(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        if let Some(state) = &mut *lock(&self.state) {
            state.push(map.as_slice());
            while let Some(event) = state.session.poll() {
                self.post(&state.session, &event);
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if matches!(event.view(), gst::EventView::Eos(_)) {
            self.finish();
        }
        self.parent_sink_event(event)
    }
}

impl Listener {
    /// Ends the call, if one is up, and posts its last events.
    fn finish(&self) {
        if let Some(mut state) = lock(&self.state).take() {
            state.session.finish();
            while let Some(event) = state.session.poll() {
                self.post(&state.session, &event);
            }
        }
    }

    fn post(&self, session: &Session, event: &SessionEvent) {
        let mut structure = gst::Structure::builder("callprint").field("type", event.kind()).field("at", event.at());
        if let SessionEvent::MachineVoice { probability, .. } | SessionEvent::Handover { confidence: probability, .. } =
            event
        {
            structure = structure.field("probability", *probability);
        }
        if let Some(found) = event.found() {
            let rendering = session.index().rendering(found.rendering);
            structure = structure
                .field("script", rendering.script)
                .field("rendering", rendering.id)
                .field("category", rendering.category)
                .field("false-alarms-per-hour", found.false_alarms_per_hour)
                .field("query-start", found.query_start);
        }
        let message = gst::message::Element::builder(structure.build()).src(&*self.obj()).build();
        // Without a bus nobody wants to know.
        let _ = self.obj().post_message(message);
    }
}

impl State {
    fn push(&mut self, bytes: &[u8]) {
        if self.float {
            self.floats.clear();
            self.floats.extend(bytes.as_chunks().0.iter().map(|&sample| f32::from_le_bytes(sample)));
            self.session.push_f32(&self.floats);
        } else {
            self.ints.clear();
            self.ints.extend(bytes.as_chunks().0.iter().map(|&sample| i16::from_le_bytes(sample)));
            self.session.push_i16(&self.ints);
        }
    }
}
