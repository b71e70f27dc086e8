//! A server that is being added: it is looked for at its address, and remembered once it has answered.

use super::Editor;
use super::error::EditorError;
use super::server_view::{Adding, ServerState};
use super::servers::{After, Answer, NEW, found};
use crate::catalog::{Access, Placed, Server, ServerReport};
use crate::engine::ServerError;
use crate::text::{Explain as _, Message};

impl Editor {
    pub(super) fn add_server(&mut self, typed: &str, name: &str, access: Access) {
        let address = self.free_address(typed, name);
        let serving = &mut self.serving;
        serving.last_adding += 1;
        let id = serving.last_adding;
        let address = match address {
            Ok(address) => address,
            Err(why) => {
                serving.adding = Some((id, Adding::Failed(why)));
                return;
            }
        };
        let (servers, name) = (serving.servers.clone(), name.to_owned());
        let find = move || {
            let found = found(&servers, address, name, access);
            Answer::Found(id, found.map(Box::new))
        };
        serving.adding = match serving.lane.ask(NEW, Box::new(find)) {
            Ok(()) => Some((id, Adding::Asking)),
            Err(_) => Some((id, Adding::Failed(EditorError::TooBusy.message()))),
        };
    }

    /// The address of a server that may be added under that name, or why it may not.
    fn free_address(&self, typed: &str, name: &str) -> Result<String, Message> {
        let Some(address) = Server::address_of(typed) else {
            return Err(Message::new("cli-engine-bad-address").with("address", typed));
        };
        let mut known = self.serving.servers.list().iter();
        if let Some(known) = known.find(|server| server.address == address) {
            let message = Message::new("editor-server-known").with("name", known.name.clone());
            return Err(message.with("address", address));
        }
        if name == Server::LOCAL || self.server(name).is_some() {
            return Err(Message::new("editor-server-name").with("name", name));
        }
        Ok(address)
    }

    /// Remembers a server that has answered, unless nobody wants it any more.
    pub(super) fn take_found(
        &mut self,
        id: u64,
        found: Result<(Server, ServerReport, Placed), ServerError>,
    ) {
        let serving = &mut self.serving;
        let is_wanted = serving.adding == Some((id, Adding::Asking));
        match found {
            Err(error) if is_wanted => {
                serving.adding = Some((id, Adding::Failed(error.message())));
            }
            Err(_) => {}
            Ok((_, _, placed)) if !is_wanted => {
                let throw = move || {
                    placed.throw_away();
                    Answer::Nothing
                };
                // Where that cannot be, it lies there and is of no use to anybody.
                serving.lane.ask("thrown away", Box::new(throw)).ok();
            }
            Ok((mut server, report, placed)) => {
                server.name = serving.servers.free_name(&server.name);
                let name = server.name.clone();
                serving.set_state(&name, ServerState::Answers);
                let kept = serving.keep(After::Nothing, move |servers| {
                    let name = server.name.clone();
                    servers.set_placed(server, Some(placed))?;
                    servers.remember_report(&name, report)
                });
                serving.adding = Some((id, Adding::Added(name)));
                if let Err(error) = kept {
                    self.notices.warn(None, &error);
                }
            }
        }
    }
}
