# The steps of test/support/clients/steps.ts with Mojo::UserAgent.
use Mojo::Base -strict, -signatures;
use utf8;
use Mojo::IOLoop;
use Mojo::JSON qw(false true decode_json encode_json);
use Mojo::UserAgent;

$| = 1;
my $url = $ENV{CHANNELS_URL};
my $room = "talk/$ENV{CHANNELS_ROOM}";
my $text = 'hällo 👋';
my $requests = 0;
my $ua = Mojo::UserAgent->new(max_connections => 0);
Mojo::IOLoop->timer(60 => sub { die "no end after 60 s\n" });

sub done ($step) { say "ok $step" }
sub check ($got, $want) {
  my ($left, $right) = map { encode_json([$_]) } $got, $want;
  die "got $left, want $right at line " . (caller)[2] . "\n" if $left ne $right;
}
sub wait_for ($ready) { Mojo::IOLoop->one_tick until $ready->() }

# One connection: what arrived, and the code of its close.
package Person {
  use Mojo::Base -base, -signatures;
  has queue => sub { [] };
  has [qw(tx code error status)];

  sub connect ($class, $token) {
    my $self = $class->new;
    my @protocols = $token ? ['fastify-channels.v1', "bearer.$token"] : ();
    $ua->websocket($url, @protocols, sub ($, $tx) {
      $self->status($tx->res->code);
      return $self->error($tx->res->error->{message} // 'no answer') unless $tx->is_websocket;
      $tx->on(message => sub ($, $message) { push @{$self->queue}, Mojo::JSON::from_json($message) });
      $tx->on(finish => sub ($, $code, $) { $self->code($code) });
      $self->tx($tx);
    });
    main::wait_for(sub { $self->tx || defined $self->error });
    return $self;
  }

  sub take ($self, $matches) {
    my $found;
    main::wait_for(sub {
      my $queue = $self->queue;
      for my $i (0 .. $#$queue) {
        next unless $matches->($queue->[$i]);
        $found = splice @$queue, $i, 1;
        return 1;
      }
      die 'closed with ' . $self->code . "\n" if defined $self->code;
      return 0;
    });
    return $found;
  }

  sub next ($self, $type) {
    my $envelope = $self->take(sub ($one) { !exists $one->{correlationId} && $one->{type} ne 'welcome' });
    main::check([@$envelope{qw(type channel)}], [$type, $room]);
    return $envelope;
  }

  sub post ($self, $type, $channel = undef, $payload = undef, $id = undef) {
    $id //= join '-', $room, time, $$, ++$requests;
    my $envelope = { type => $type, correlationId => $id };
    $envelope->{channel} = $channel if defined $channel;
    $envelope->{payload} = $payload if defined $payload;
    $self->tx->send({ json => $envelope });
    return $id;
  }

  sub reply ($self, @request) {
    my $id = $self->post(@request);
    return $self->take(sub ($one) { ($one->{correlationId} // '') eq $id });
  }

  sub request ($self, @request) {
    my $reply = $self->reply(@request);
    main::check($reply->{type}, 'ack');
    return $reply;
  }

  sub fails ($self, $code, @request) {
    my $reply = $self->reply(@request);
    main::check([@$reply{qw(type channel)}, $reply->{payload}{code}], ['error', $request[1], $code]);
    return $reply->{payload}{details};
  }

  sub closed ($self) {
    main::wait_for(sub { defined $self->code });
    return $self->code;
  }
}

my ($ann, $ann_again, $bob, $carol) = @ENV{qw(ANN ANN_AGAIN BOB CAROL)};
sub users ($entries) { [sort map { $_->{user} } @$entries] }

check(0 + Person->connect(undef)->status, 401);
done('refused');
my $a = Person->connect($ann);
check($a->tx->protocol, 'fastify-channels.v1');
done('connected');
check(exists $a->request('ping')->{payload} ? 1 : 0, 0);
done('ping');

my $joined = $a->request('join', $room)->{payload};
check($joined->{presence}, [{ user => 'id-of-ann', data => { name => 'ann' } }]);
check([@$joined{qw(idempotent offset recovered reason messages)}], [['message.send'], 0, false, 'fresh', []]);
done('joined');

my $b = Person->connect($bob);
check(users($b->request('join', $room)->{payload}{presence}), ['id-of-ann', 'id-of-bob']);
check(users($a->next('presence')->{payload}{joined}), ['id-of-bob']);
done('presence');

my $sent = $a->request('message.send', $room, { text => $text }, "first-of-$room");
my $first = $a->next('message.posted');
check($b->next('message.posted'), $first);
check($first->{payload}, { id => $sent->{payload}{id}, from => 'ann', text => $text });
check([$first->{offset}, $sent->{offset}, $first->{prev}], [1, 1, '']);
done('sent');
check($a->request('message.send', $room, { text => $text }, "first-of-$room"), $sent);
done('repeated');
$a->fails('conflict', 'message.send', $room, { text => 'other' }, "first-of-$room");
done('conflict');

$a->request('typing', $room, { active => true });
my $typing = $b->next('typing.changed');
check([$typing->{payload}, $typing->{offset}], [{ user => 'ann', active => true }, undef]);
done('typing');

check($a->fails('invalid_payload', 'message.send', $room, { text => 7 })->{path}, '/text');
$a->fails('unknown_type', 'nonsense', $room);
$a->fails('unknown_channel', 'join', 'nowhere/1');
$a->fails('forbidden', 'join', 'talk/secret');
$a->fails('already_joined', 'join', $room);
$a->fails('not_joined', 'typing', 'talk/other', { active => true });
check($a->fails('muted', 'message.send', $room, { text => 'mute me' }), { until => 7 });
done('errors');

my $long = 'x' x 60_000;
$a->request('message.send', $room, { text => $long });
my $large = $a->next('message.posted');
check([$large->{payload}{text}, @$large{qw(offset prev)}], [$long, 2, $first->{hash}]);
check($b->next('message.posted'), $large);
done('large');
$a->request('ask.pong', $room);
done('pong');

check(exists $a->request('refresh', undef, { token => $ann_again })->{payload} ? 1 : 0, 0);
$a->fails('invalid_token', 'refresh', undef, { token => $bob });
done('refreshed');
$a->request('leave', $room);
check($b->next('presence')->{payload}{left}, ['id-of-ann']);
done('left');

my $before = Person->connect($ann);
my $ack = $before->request('join', $room)->{payload};
my $since = { map { $_ => $ack->{$_} } qw(epoch offset hash) };
Mojo::IOLoop->remove($before->tx->connection);
$b->next('presence');
my @missed = map { $b->request('message.send', $room, { text => $_ }); $b->next('message.posted') } qw(three four);
check([map { $_->{prev} } @missed], [$large->{hash}, $missed[0]{hash}]);
my $after = Person->connect($ann);
my $recovery = $after->request('join', $room, { since => $since })->{payload};
check([@$recovery{qw(recovered messages)}], [true, \@missed]);
done('recovered');

$after->request('leave', $room);
my $fresh = $after->request('join', $room, { since => { %$since, epoch => 'another' } })->{payload};
check([@$fresh{qw(recovered reason)}, scalar @{$fresh->{messages}}], [false, 'epoch', 4]);
done('unrecoverable');

my $c = Person->connect($ann);
$c->request('join', $room);
$c->request('ask.remove', $room);
check($c->next('left')->{payload}, { code => 'removed' });
done('removed');

for (['binary', 1003, { binary => 'x' }], ['garbage', 1008, { text => '{' }], ['too-large', 1009, { text => 'x' x 70_000 }]) {
  my ($step, $code, $message) = @$_;
  my $one = Person->connect($ann);
  $one->tx->send($message);
  check($one->closed, $code);
  done($step);
}
for (['revoked', 3000, $carol, 'ask.revoke'], ['disconnected', 3003, $bob, 'ask.disconnect']) {
  my ($step, $code, $token, $type) = @$_;
  my $one = Person->connect($token);
  $one->request('join', $room);
  $one->post($type, $room);
  check($one->closed, $code);
  done($step);
}

$b->tx->finish(1000);
check($b->closed, 1000);
done('closed');
