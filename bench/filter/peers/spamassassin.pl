# Mail::SpamAssassin in one process, as a daemon would have it: no network tests, a state directory of its own.
# Lines on standard input: "teach spam PATH", "teach ham PATH", "taught", "ask PATH". Each is answered by a line; that of "ask" is
# score, threshold, CPU milliseconds.
use strict;
use warnings;
use Mail::SpamAssassin;

my ($dir, $bayes) = @ARGV;
$| = 1;
my $sa = Mail::SpamAssassin->new({
  local_tests_only => 1,
  dont_copy_prefs => 1,
  userprefs_filename => "$dir/user_prefs",
  userstate_dir => $dir,
  home_dir_for_helpers => $dir,
  post_config_text => "use_bayes $bayes\nbayes_path $dir/bayes\nbayes_auto_learn 0\nbayes_auto_expire 0\nbayes_learn_to_journal 0\ndns_available no\n",
});
$sa->compile_now(0);
my $learning = 0;

sub mail_of {
  my ($path) = @_;
  open(my $file, '<:raw', $path) or die "$path: $!";
  local $/;
  return $sa->parse(scalar <$file>);
}

print "ready\n";
while (my $line = <STDIN>) {
  chomp $line;
  if ($line =~ /^teach (spam|ham) (.*)/) {
    $sa->init_learner({ caller_will_untie => 1 }) unless $learning++;
    my $mail = mail_of($2);
    my $status = $sa->learn($mail, undef, $1 eq 'spam' ? 1 : 0, 0);
    $status->finish;
    $mail->finish;
    print "ok\n";
  } elsif ($line eq 'taught') {
    $sa->rebuild_learner_caches({ verbose => 0 });
    $sa->finish_learner;
    $learning = 0;
    print "ok\n";
  } elsif ($line =~ /^ask (.*)/) {
    my ($user, $system) = times;
    my $mail = mail_of($1);
    my $status = $sa->check($mail);
    my $answer = $status->get_score . ' ' . $status->get_required_score;
    $status->finish;
    $mail->finish;
    my ($user_after, $system_after) = times;
    printf "%s %.0f\n", $answer, 1000 * ($user_after - $user + $system_after - $system);
  }
}
