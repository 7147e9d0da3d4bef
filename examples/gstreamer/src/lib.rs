//! GStreamer plugin `callprint`: one element of the same name.
//!
//! The element passes audio through untouched and listens to it. What it learns goes out as element messages on the
//! pipeline's bus, named `callprint`, so that the application decides what follows: hang up, mark the call, call a person.
//! `README.md` shows pipelines.

mod listener;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct Callprint(ObjectSubclass<listener::Listener>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "callprint", gst::Rank::NONE, Callprint::static_type())
}

gst::plugin_define!(
    callprint,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    env!("CARGO_PKG_VERSION"),
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "https://example.invalid/callprint",
    env!("BUILD_REL_DATE")
);
