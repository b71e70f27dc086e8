//! [`DesktopMotion`]: whether the desktop asks programs for less motion.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use eframe::egui;

/// The desktop's answer is waited for so long, in seconds since the start of the window.
const PATIENCE_SECS: f64 = 4.0;

/// The question to the desktop, and its answer.
#[derive(Default)]
pub(super) struct DesktopMotion {
    asked: Option<Pin<Box<dyn Future<Output = bool>>>>,
    reduced: bool,
}

impl DesktopMotion {
    /// Asks the desktop; the answer comes later, or never.
    pub(super) fn ask() -> Self {
        #[cfg(target_os = "linux")]
        let asked: Option<Pin<Box<dyn Future<Output = bool>>>> = Some(Box::pin(portal::reduced()));
        #[cfg(not(target_os = "linux"))]
        let asked = None;
        Self {
            asked,
            reduced: false,
        }
    }

    /// True once the desktop has said so; to be called in every frame.
    pub(super) fn is_reduced(&mut self, ctx: &egui::Context) -> bool {
        if let Some(asked) = &mut self.asked {
            // The window asks again a few times a second; nothing needs to wake it.
            match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(reduced) => {
                    self.reduced = reduced;
                    self.asked = None;
                }
                Poll::Pending if ctx.time() > PATIENCE_SECS => self.asked = None,
                Poll::Pending => ctx.request_repaint_after_secs(0.1),
            }
        }
        self.reduced
    }
}

/// The settings that Linux desktops publish through their portal
/// ([specification](https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Settings.html)).
#[cfg(target_os = "linux")]
mod portal {
    use zbus::zvariant::{OwnedValue, Value};

    pub(super) async fn reduced() -> bool {
        let Ok(bus) = zbus::Connection::session().await else {
            return false;
        };
        let read = async |namespace: &str, key: &str| -> Option<OwnedValue> {
            let reply = bus
                .call_method(
                    Some("org.freedesktop.portal.Desktop"),
                    "/org/freedesktop/portal/desktop",
                    Some("org.freedesktop.portal.Settings"),
                    "Read",
                    &(namespace, key),
                )
                .await
                .ok()?;
            reply.body().deserialize().ok()
        };
        if let Some(value) = read("org.freedesktop.appearance", "reduced-motion").await {
            return says_reduced(&value);
        }
        read("org.gnome.desktop.interface", "enable-animations")
            .await
            .is_some_and(|value| says_reduced(&value))
    }

    /// `reduced-motion` is 1, or `enable-animations` is false.
    pub(super) fn says_reduced(value: &Value<'_>) -> bool {
        match value {
            // “Read” wraps its answer once more than “ReadOne”.
            Value::Value(inner) => says_reduced(inner),
            Value::U32(preference) => *preference == 1,
            Value::Bool(animations) => !animations,
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn both_ways_of_saying_it_are_understood() {
            let wrapped = |value: Value<'static>| Value::Value(Box::new(value));
            assert!(says_reduced(&wrapped(Value::U32(1))));
            assert!(!says_reduced(&wrapped(Value::U32(0))));
            assert!(says_reduced(&wrapped(wrapped(Value::Bool(false)))));
            assert!(!says_reduced(&Value::Bool(true)));
            assert!(!says_reduced(&Value::from("reduce")));
        }
    }
}
