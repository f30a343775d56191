// All tests, in one process: to load CDK takes longer than to run them.

import './alarms';
import './assets';
import './decisions';
import './given';
import './nag';
import './packages';
import './permissions';
import './snapshot';
import './tables';
