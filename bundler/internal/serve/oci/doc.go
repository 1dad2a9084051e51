// Package oci serves what a bundle holds as a read-only OCI registry: the pull
// endpoints, tag lists and the Referrers API of the OCI distribution
// specification 1.1, straight from an [artifact.Source] such as a set of
// volumes. Nothing is unpacked and nothing is written.
//
// # What is served
//
// The lock says what exists: a repository has the tags, manifests and blobs of
// its own items and no others, so a blob of one repository is not found through
// another (CVE-2024-39897). Answers hold the bytes as the source has them; who
// opened the source has verified it, and clients hash what they pull.
//
// # What a client can do
//
// GET and HEAD, with byte ranges. Everything else is answered with 405 and the
// code UNSUPPORTED. There is no list of repositories.
package oci
