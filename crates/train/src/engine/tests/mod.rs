mod dual;
mod layers;
mod pytorch;
mod slow;
