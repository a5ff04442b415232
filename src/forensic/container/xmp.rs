//! An XMP packet that says nothing but the mark (ISO 16684-1).

/// What is right before the mark.
pub(in crate::forensic) const BEFORE: &[u8] = b" countersign:tag=\"";

/// The packet.
pub(super) fn packet(mark: &str) -> String {
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:countersign=\"urn:countersign:forensic-tag:1:\" \
         countersign:tag=\"{mark}\"/>\
         </rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
    )
}
