//! Tells the plugin its version and the date of its release.

fn main() {
    gst_plugin_version_helper::info();
}
