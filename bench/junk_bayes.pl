#!/usr/bin/perl
# SpamAssassin's Bayes alone, in one process: "score PATH" and "learn 0|1 PATH" on standard input, an answer a line.
# The first argument is a directory for its database. No rules, no network.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

$| = 1;
my $place = shift @ARGV;
my $domains = '';    # which top level domains there are; without them it sees no URL
if (open(my $file, '<', '/usr/share/spamassassin/20_aux_tlds.cf')) {
    local $/;
    $domains = <$file>;
}
my $assassin = Mail::SpamAssassin->new({
    dont_copy_prefs => 1, local_tests_only => 1, userstate_dir => $place, home_dir_for_helpers => $place,
    config_text => $domains . <<"END",
loadplugin Mail::SpamAssassin::Plugin::Bayes
use_bayes 1
use_bayes_rules 1
bayes_auto_learn 0
bayes_path $place/bayes
bayes_min_ham_num 1
bayes_min_spam_num 1
bayes_journal_max_size 0
bayes_auto_expire 0
body BAYES_ANY eval:check_bayes('0.00','1.00')
END
});
$assassin->init(0);
$assassin->init_learner({ wait_for_lock => 1, caller_will_untie => 1 });

sub message {
    open(my $file, '<:raw', shift) or die "junk_bayes: $!\n";
    local $/;
    my $octets = <$file>;
    $octets =~ s/\AFrom [^\n]*\n//;
    return $assassin->parse($octets, 1);
}

my ($bayes) = grep { ref($_) eq 'Mail::SpamAssassin::Plugin::Bayes' } @{ $assassin->{plugins}->{plugins} };
die "junk_bayes: no Bayes\n" unless $bayes;

while (my $line = <STDIN>) {
    chomp $line;
    if ($line =~ /^learn ([01]) (.*)/) {
        my $mail = message($2);
        $assassin->learn($mail, undef, $1, 0)->finish;
        $mail->finish;
        $assassin->{bayes_scanner}->force_close(1);    # what is tied for reading is not written
        print "ok\n";
    } elsif ($line =~ /^score (.*)/) {
        my $mail = message($1);
        my $status = Mail::SpamAssassin::PerMsgStatus->new($assassin, $mail);
        my $score = $bayes->scan($status, $mail);
        printf "%.17g\n", defined $score ? $score : 0.5;
        $status->finish;
        $mail->finish;
        $assassin->{bayes_scanner}->force_close(1);    # what is tied for reading is not written
    }
}
$assassin->finish;
