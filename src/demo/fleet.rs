//! All regions and endpoints of a demo, on the one thread that they live on.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;

use super::endpoint::Endpoint;
use super::keys::Random;
use super::options::DemoOptions;
use super::region::{Clock, Region};
use super::{ControlError, RegionInfo};

/// One region with its endpoints.
pub(super) struct Member {
    pub(super) region: Rc<Region>,
    pub(super) endpoints: Vec<Rc<Endpoint>>,
}

/// Everything.
pub(super) struct Fleet {
    pub(super) members: Vec<Member>,
    pub(super) clock: Rc<Clock>,
}

impl Fleet {
    /// Puts the bound listeners to work. Within the runtime.
    pub(super) fn start(
        options: &DemoOptions,
        known: &[RegionInfo],
        listeners: Vec<Vec<TcpListener>>,
    ) -> io::Result<Self> {
        let (clock, random) = (Rc::new(Clock::default()), Random::new());
        let mut members = Vec::new();
        for ((options, known), listeners) in options.regions.iter().zip(known).zip(listeners) {
            let secret = &known.identifier_secret;
            let region = Rc::new(Region::new(options, secret, random, Rc::clone(&clock)));
            let mut endpoints = Vec::new();
            for (position, (listener, address)) in
                listeners.into_iter().zip(&known.endpoints).enumerate()
            {
                let region = Rc::clone(&region);
                let endpoint = Rc::new(Endpoint::new(region, position + 1, *address));
                endpoint.accept(listener)?;
                endpoints.push(endpoint);
            }
            members.push(Member { region, endpoints });
        }
        Ok(Self { members, clock })
    }

    /// The endpoint of this region with this number, counted from 1.
    pub(super) fn endpoint(
        &self,
        region: &str,
        number: usize,
    ) -> Result<&Rc<Endpoint>, ControlError> {
        let member = self
            .members
            .iter()
            .find(|member| member.region.name == region);
        member
            .zip(number.checked_sub(1))
            .and_then(|(member, position)| member.endpoints.get(position))
            .ok_or_else(|| ControlError::UnknownEndpoint {
                region: region.to_owned(),
                number,
            })
    }

    /// All endpoints.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Rc<Endpoint>> {
        self.members.iter().flat_map(|member| &member.endpoints)
    }

    /// Forgets every record; faults stay, and what is down stays down.
    pub(super) fn reset(&self) {
        for endpoint in self.endpoints() {
            endpoint.record.borrow_mut().forget();
        }
    }
}
