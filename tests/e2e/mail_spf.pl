# Evaluates SPF with Debian's Mail::SPF. Reads one JSON object per line (`zones`: values by "name TYPE", null if the
# query fails; `sender`, `helo`, `addresses`) and prints the results of its addresses as one JSON array per line.
use strict;
use warnings;

package Packet;
sub header { return $_[0] }
sub rcode  { return $_[0]{rcode} }
sub answer { return @{ $_[0]{answer} } }

package Resolver;
sub errorstring { return '' }

sub send {
    my ($self, $name, $type) = @_;
    my $key = lc($name) . " $type";
    return bless { rcode => 'SERVFAIL', answer => [] }, 'Packet'
        if exists $self->{$key} && !defined $self->{$key};
    my @records = map { main::record($name, $type, $_) } @{ $self->{$key} // [] };
    return bless { rcode => 'NOERROR', answer => \@records }, 'Packet';
}

package main;
use JSON::PP;
use Mail::SPF;
use Net::DNS;

my %field = (TXT => 'txtdata', MX => 'exchange', A => 'address', AAAA => 'address', PTR => 'ptrdname');

sub record {
    my ($name, $type, $value) = @_;
    my @priority = $type eq 'MX' ? (preference => 10) : ();
    return Net::DNS::RR->new(owner => $name, type => $type, $field{$type} => $value, @priority);
}

$| = 1;
while (my $line = <STDIN>) {
    my $case   = decode_json($line);
    my $server = Mail::SPF::Server->new(hostname => 'receiver.example', dns_resolver => bless $case->{zones}, 'Resolver');
    my @results = map {
        my $request = Mail::SPF::Request->new(
            scope => 'mfrom', identity => $case->{sender}, helo_identity => $case->{helo}, ip_address => $_);
        $server->process($request)->code;
    } @{ $case->{addresses} };
    print encode_json(\@results), "\n";
}
